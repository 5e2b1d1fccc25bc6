"""Presence, receipts, moments and notifications at the page."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.support.page import Person
from tests.support.people import name

Visit = Callable[..., Person]


def friends(visit: Visit, *names: str) -> list[Person]:
    """People of whom the first is everybody's friend."""
    first, *others = (visit(name(each)) for each in names)
    for other in others:
        first.befriend(other.user)
        other.befriend(first.user)
    for other in others:
        expect(first.page.get_by_role("button", name=f"Chat: {other.user}")).to_be_visible()
    return [first, *others]


def state(message: Locator) -> Locator:
    return message.locator(".state")


def test_presence_is_live(visit: Visit) -> None:
    ann, ben = friends(visit, "ann", "ben")
    ann.tab("Friends")
    expect(ann.friend(ben.user)).to_contain_text("Online")
    ben.page.get_by_label("My status").select_option("away")
    expect(ann.friend(ben.user)).to_contain_text("Away")
    ben.page.get_by_label("My status").select_option("offline")
    expect(ann.friend(ben.user)).to_contain_text(re.compile("Last seen|Offline"))
    ben.page.get_by_label("My status").select_option("online")
    expect(ann.friend(ben.user)).to_contain_text("Online")
    ann.chat_with(ben.user)
    expect(ann.page.locator("#room-about")).to_have_text("Online")
    ben.context.close()
    expect(ann.page.locator("#room-about")).to_have_text(re.compile("Last seen|Offline"))


def test_a_status_outlives_the_connection(visit: Visit) -> None:
    ann, ben = friends(visit, "ann", "ben")
    ann.tab("Friends")
    ben.page.get_by_label("My status").select_option("away")
    expect(ann.friend(ben.user)).to_contain_text("Away")
    ben.context.set_offline(True)
    expect(ann.friend(ben.user)).to_contain_text(re.compile("Last seen|Offline"))
    ben.context.set_offline(False)
    ben.wait_online()
    expect(ann.friend(ben.user)).to_contain_text("Away")


def test_sent_becomes_read(visit: Visit) -> None:
    ann, ben = friends(visit, "ann", "ben")
    ann.chat_with(ben.user)
    one, two = ann.say("one"), ann.say("two")
    expect(state(two)).to_have_text("Sent")
    ben.open(ann.user)
    ben.sees("two")
    expect(state(one)).to_have_text("Read")
    expect(state(two)).to_have_text("Read")
    ann.page.reload()
    ann.wait_online()
    ann.open(ben.user)
    expect(state(ann.sees("two"))).to_have_text("Read")


def test_a_group_message_is_read_when_one_has_read_it(visit: Visit) -> None:
    ann, ben, cleo = (visit(name(each)) for each in ("ann", "ben", "cleo"))
    ann.create_group("Roof", ben.user, cleo.user)
    message = ann.say("Who saw the cat?")
    cleo.open("Roof")
    expect(state(message)).to_have_text("Read")
    expect(state(message)).to_have_attribute("title", f"Read by {cleo.user}")
    ben.open("Roof")
    expect(state(message)).to_have_attribute("title", re.compile(ben.user))


def test_unread_counts_survive_a_reload_and_end_on_the_other_device(visit: Visit) -> None:
    ann = visit(name("ann"))
    ben = name("ben")
    laptop, tablet = visit(ben), visit(ben)
    ann.create_group("Shed", ben)
    for text in ("a", "b", "c"):
        ann.say(text)
    for device in (laptop, tablet):
        expect(device.row("Shed").locator(".badge")).to_have_text("3 unread")
    laptop.page.reload()
    laptop.wait_online()
    expect(laptop.row("Shed").locator(".badge")).to_have_text("3 unread")
    tablet.open("Shed")
    for device in (laptop, tablet):
        expect(device.row("Shed").locator(".badge")).to_be_hidden()


def test_moments_reach_friends_only(visit: Visit) -> None:
    ann, ben = friends(visit, "ann", "ben")
    stranger = visit(name("sam"))
    for person in (ann, stranger):
        person.tab("Moments")
    ben.tab("Moments")
    expect(ann.page.get_by_text("Nothing yet. Moments")).to_be_visible()
    ben.page.get_by_label("A moment for your friends").fill("Snow on the pier!")
    ben.page.get_by_role("button", name="Post").click()
    for person in (ann, ben):
        expect(person.page.locator("#moments .item")).to_contain_text([ben.user])
        expect(person.page.locator("#moments .item")).to_contain_text(["Snow on the pier!"])
    ann.tab("Chats")
    ben.page.get_by_label("A moment for your friends").fill("And ice.")
    ben.page.get_by_role("button", name="Post").click()
    moments = ann.page.get_by_role("navigation").get_by_role("button", name="Moments")
    expect(moments.locator(".badge")).to_have_text("1 new")
    ann.tab("Moments")
    expect(ann.page.locator("#moments .item")).to_contain_text(["And ice.", "Snow on the pier!"])
    ann.page.reload()
    ann.tab("Moments")
    expect(ann.page.locator("#moments .item")).to_contain_text(["And ice.", "Snow on the pier!"])
    expect(stranger.page.locator("#moments .item")).to_have_count(0)


def test_a_notification_rings_the_bell_on_all_devices(visit: Visit) -> None:
    ann = name("ann")
    laptop, tablet = visit(ann), visit(ann)
    laptop.page.get_by_role("button", name="Notifications").click()
    sheet = laptop.page.get_by_role("dialog", name="Notifications")
    sheet.get_by_role("button", name="Send me a test notification").click()
    expect(sheet.locator(".item")).to_contain_text(["A test"])
    bell = tablet.page.get_by_role("button", name="Notifications, 1 new")
    expect(bell).to_be_visible()
    bell.click()
    sheet = tablet.page.get_by_role("dialog", name="Notifications")
    expect(sheet.locator(".item")).to_contain_text(["Your back end says hello"])
    expect(sheet.locator(".item")).to_have_count(1)
    tablet.page.keyboard.press("Escape")
    expect(tablet.page.get_by_role("button", name="Notifications", exact=True)).to_be_focused()
