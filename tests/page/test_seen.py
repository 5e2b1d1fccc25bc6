"""Receipts only for what was on the screen; what is new is marked, and one press away."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.support.page import Person
from tests.support.people import Device, People, name

Visit = Callable[..., Person]
LINES = 60  # several screens of a laptop
LOOKS = [pytest.param({}, id="desktop"), pytest.param({"phone": True}, id="phone")]


def fill(device: Device, room: str, count: int = LINES) -> None:
    for n in range(count):
        device.say(room, f"line {n}")


def scroller(person: Person) -> Locator:
    return person.page.get_by_label("Messages", exact=True)


def hide(person: Person, *, hidden: bool) -> None:
    """Put the tab into the background, or back."""
    state = "hidden" if hidden else "visible"
    person.page.evaluate(
        """state => {
          Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


def last_read(api: People, user: str, room: str) -> str:
    _, body = api.http("GET", "/v1/rooms", token=api.token(user))
    [found] = [each for each in body["rooms"] if each["room_id"] == room]
    return str(found["last_read_message_id"] or "")


@pytest.mark.parametrize("look", LOOKS)
def test_a_room_opens_where_unread_begins(visit: Visit, api: People, look: dict[str, bool]) -> None:
    ann, ben = name("ann"), name("ben")
    room = api.room(ann, ben)
    device = api.device(ann)
    fill(device, room)
    person = visit(ben, **look)
    person.open("Group")
    expect(person.message("line 0")).to_be_in_viewport()
    expect(person.page.get_by_role("separator", name="New messages")).to_be_in_viewport()
    expect(person.message(f"line {LINES - 1}")).not_to_be_in_viewport()
    pill = person.page.locator("#newer")
    expect(pill).to_have_text(re.compile(r"^\d+ new messages$"))
    seen = last_read(api, ben, room)
    device_of_ben = api.device(ben)
    history = device_of_ben.act("sync", positions={room: ""})["conversations"][room]["messages"]
    assert seen < history[-1]["message_id"], "what is below the fold was not read"
    pill.click()
    expect(person.message(f"line {LINES - 1}")).to_be_in_viewport()
    expect(pill).to_be_hidden()
    device.wait("message_read", lambda read: read["message_id"] == history[-1]["message_id"])


def test_a_message_below_the_screen_is_not_read(visit: Visit, api: People) -> None:
    ann, ben = name("ann"), name("ben")
    room = api.room(ann, ben)
    device = api.device(ann)
    fill(device, room)
    person = visit(ben)
    person.open("Group")
    person.page.locator("#newer").click()
    last = device.wait("message_read", lambda read: read["reader_id"] == ben)
    scroller(person).evaluate("node => node.scrollTop = 300")
    expect(person.message(f"line {LINES - 1}")).not_to_be_in_viewport()
    one = device.say(room, "while reading above")
    two = device.say(room, "and one more")
    pill = person.page.get_by_role("button", name="2 new messages")
    expect(pill).to_be_visible()
    expect(person.row("Group").locator(".badge")).to_have_text("2 unread")
    assert last["message_id"] <= last_read(api, ben, room) < one["message_id"]
    pill.press("Enter")
    person.sees("and one more")
    expect(person.page.get_by_role("separator", name="New messages")).to_be_in_viewport()
    device.wait("message_read", lambda read: read["message_id"] == two["message_id"])
    expect(person.row("Group").locator(".badge")).to_be_hidden()


def test_a_tab_in_the_background_reads_nothing(visit: Visit) -> None:
    ann, ben = visit(name("ann")), visit(name("ben"))
    ann.create_group("Attic", ben.user)
    ann.say("first")
    ben.open("Attic")
    expect(ann.message("first").locator(".state")).to_have_text("Read")
    hide(ben, hidden=True)
    second = ann.say("second")
    ben.sees("second")
    expect(ben.row("Attic").locator(".badge")).to_have_text("1 unread")
    expect(ben.page.get_by_role("separator", name="New messages")).to_be_visible()
    expect(second.locator(".state")).to_have_text("Sent")
    hide(ben, hidden=False)
    expect(second.locator(".state")).to_have_text("Read")
    expect(ben.row("Attic").locator(".badge")).to_be_hidden()
    ben.say("an answer ends what is new")
    expect(ben.page.get_by_role("separator", name="New messages")).to_be_hidden()


def test_a_phone_that_shows_the_list_reads_nothing(visit: Visit) -> None:
    ann, ben = visit(name("ann")), visit(name("ben"), phone=True)
    ann.create_group("Jetty", ben.user)
    ann.say("first")
    ben.row("Jetty").click()
    expect(ann.message("first").locator(".state")).to_have_text("Read")
    ben.page.get_by_role("button", name="Back to the list").click()
    second = ann.say("second")
    expect(ben.row("Jetty").locator(".badge")).to_have_text("1 unread")
    expect(second.locator(".state")).to_have_text("Sent")
    ben.row("Jetty").click()
    expect(second.locator(".state")).to_have_text("Read")
