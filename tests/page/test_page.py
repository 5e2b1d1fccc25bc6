"""The page in real browsers: log in, chats, friends, what goes over the wire."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable

from playwright.sync_api import Browser, expect

from tests.support.page import Person
from tests.support.people import People, name
from workbench.stack.embedded import EmbeddedStack

Visit = Callable[..., Person]


def test_log_in_by_name_and_out_again(browser: Browser, stack: EmbeddedStack) -> None:
    page = browser.new_page()
    page.goto(stack.url)
    expect(page.get_by_label("Your name")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Please enter a name.")
    page.keyboard.type("no spaces please")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Letters, digits")
    user = name("ann")
    page.get_by_label("Your name").fill(user)
    page.keyboard.press("Enter")
    expect(page.locator("#me-name")).to_have_text(user)
    expect(page.locator("body")).to_have_attribute("data-connection", "online")
    page.reload()
    expect(page.locator("#me-name")).to_have_text(user)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Your name")).to_be_visible()
    page.context.close()


def test_friends_ask_accept_chat_and_part(visit: Visit) -> None:
    ann, ben = visit(name("ann")), visit(name("ben"))
    ann.befriend(ben.user)
    expect(ann.friend(ben.user)).to_contain_text("no answer yet")
    ben.page.reload()
    ben.tab("Friends")
    expect(ben.friend(ann.user)).to_contain_text("wants to be your friend")
    ben.page.get_by_role("button", name=f"Accept: {ann.user}").click()
    expect(ben.page.get_by_role("button", name=f"Chat: {ann.user}")).to_be_visible()
    ann.page.reload()
    ann.chat_with(ben.user)
    ann.say("Good morning")
    ben.tab("Chats")
    expect(ben.row(ann.user)).to_contain_text("Good morning")
    expect(ben.row(ann.user).locator(".badge")).to_have_text("1 unread")
    expect(ben.page).to_have_title(re.compile(r"^\(1\) "))
    ben.open(ann.user)
    ben.sees("Good morning")
    expect(ben.row(ann.user).locator(".badge")).to_be_hidden()
    ann.tab("Friends")
    ann.page.get_by_role("button", name=f"Remove: {ben.user}").click()
    expect(ann.friend(ben.user)).to_contain_text("wants to be your friend")


def test_a_group_of_three_with_replies_typing_and_deletion(visit: Visit) -> None:
    ann, ben, cleo = (visit(name(each)) for each in ("ann", "ben", "cleo"))
    ann.create_group("Garden", ben.user)
    first = ann.say("Who waters the plants?")
    expect(first.locator(".state")).to_have_text(re.compile("Sent|Read"))
    ben.open("Garden")
    ben.sees("Who waters the plants?")
    ann.page.get_by_role("button", name="Add people").click()
    ann.page.get_by_label("Other people").fill(cleo.user)
    ann.page.get_by_role("button", name="Add", exact=True).click()
    expect(ann.page.locator("#room-about")).to_contain_text("3 members")
    cleo.open("Garden")
    cleo.sees("Who waters the plants?")
    cleo.type("I d")
    expect(ann.page.locator("#typing")).to_have_text(f"{cleo.user} is typing…")
    expect(ben.page.locator("#typing")).to_have_text(f"{cleo.user} is typing…")
    cleo.act(cleo.message("Who waters the plants?"), "Reply")
    answer = cleo.say("I do")
    expect(answer.locator(".quote")).to_have_text(f"{ann.user}: Who waters the plants?")
    for person in (ann, ben):
        expect(person.sees("I do").locator(".quote")).to_contain_text("Who waters the plants?")
        expect(person.page.locator("#typing")).to_be_empty()
    cleo.act(answer, "Delete")
    for person in (ann, ben, cleo):
        person.sees("This message was deleted")
        expect(person.message("I do")).to_have_count(0)


def test_text_is_text(visit: Visit) -> None:
    ann, ben = visit(name("ann")), visit(name("ben"))
    ann.create_group("<b>Lab</b>", ben.user)
    evil = '<img src=x onerror="document.title=1"><script>alert(1)</script>'
    ann.say(evil)
    ben.open("<b>Lab</b>")
    ben.sees(evil)
    expect(ben.page.locator("#log img, #log script, #rooms b")).to_have_count(0)


def test_a_second_device_of_the_same_user(visit: Visit) -> None:
    ann = name("ann")
    laptop, tablet, ben = visit(ann), visit(ann), visit(name("ben"))
    laptop.create_group("Harbour", ben.user)
    laptop.say("From the laptop")
    tablet.open("Harbour")
    expect(tablet.sees("From the laptop")).to_have_class(re.compile("mine"))
    tablet.say("From the tablet")
    expect(laptop.sees("From the tablet")).to_have_class(re.compile("mine"))
    ben.open("Harbour")
    expect(ben.sees("From the tablet")).to_have_class(re.compile("theirs"))
    link = laptop.page.get_by_role("link", name="Second device")
    expect(link).to_have_attribute("href", f"/?user={ann}")


def test_older_history_comes_on_scroll(visit: Visit, api: People) -> None:
    ann = name("ann")
    room = api.room(ann)
    device = api.device(ann)
    for n in range(130):
        device.say(room, f"line {n}")
    person = visit(ann)
    person.open("Group")
    person.sees("line 129")
    expect(person.message("line 60")).to_have_count(0)
    for oldest in ("line 60", "line 20", "line 0"):
        person.page.get_by_label("Messages", exact=True).evaluate("node => node.scrollTop = 0")
        expect(person.message(oldest)).to_be_attached()
    expect(person.page.get_by_text("This is the beginning")).to_be_attached()
    assert person.texts() == [f"line {n}" for n in range(130)]


def test_under_the_hood(visit: Visit, stack: EmbeddedStack) -> None:
    ann = visit(name("ann"))
    ann.create_group("Kitchen")
    ann.page.get_by_role("button", name="Under the hood").click()
    expect(ann.page.locator("#ops-connections")).to_have_text(re.compile(r"^[1-9]"))
    expect(ann.page.locator("#ops-dead")).to_have_text("0")
    ann.say("How long?")
    expect(ann.page.locator("#latency-last")).to_have_text(re.compile(r"^\d+ ms$"))
    expect(ann.page.locator("#ops-rate")).not_to_have_text(re.compile(r"^(–|0\.0)$"))
    frame = ann.page.locator("#frames .out").filter(has_text="send_message")
    frame.locator("summary").click()
    expect(frame.locator("pre")).to_contain_text('"content": "How long?"')
    ann.page.keyboard.press("Escape")
    expect(ann.page.get_by_role("complementary", name="Under the hood")).to_be_hidden()
    expect(ann.page.get_by_role("button", name="Under the hood")).to_be_focused()


def test_the_files_come_with_a_strict_policy(stack: EmbeddedStack) -> None:
    for path, kind in (("/", "text/html"), ("/web/tidings.js", "text/javascript")):
        with urllib.request.urlopen(stack.url + path) as answer:
            assert answer.headers["content-type"].startswith(kind)
            assert answer.headers["cache-control"] == "no-cache"
            policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_message_that_no_frame_can_carry_says_so_and_keeps_the_connection(visit: Visit) -> None:
    ann = visit(name("ann"))
    ann.create_group("large")
    sockets: list[object] = []
    ann.page.on("websocket", lambda socket: sockets.append(socket))
    field = ann.page.get_by_label("Message", exact=True)
    field.evaluate("field => field.removeAttribute('maxlength')")  # the field takes 8,000
    field.fill("ж" * 17_000)
    ann.page.get_by_role("button", name="Send", exact=True).click()
    expect(ann.page.get_by_text("Not sent: send_message takes 34")).to_be_attached()
    expect(ann.say("short")).not_to_have_class(re.compile("failed"))
    ann.wait_online()
    assert sockets == [], "no further connection"
