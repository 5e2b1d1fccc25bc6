"""Back, Forward and a reload keep the room, the place in it and what was being written."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.page import Person
from tests.support.people import People, name

Visit = Callable[..., Person]


def heading(person: Person, title: str) -> None:
    expect(person.page.get_by_role("heading", name=title)).to_be_visible()


def test_back_and_forward_go_through_the_rooms(visit: Visit) -> None:
    ann = visit(name("ann"))
    ann.create_group("Boats")
    ann.create_group("Tides")
    ann.page.go_back()
    heading(ann, "Boats")
    ann.page.go_back()
    heading(ann, "Pick a chat")
    ann.page.go_forward()
    ann.page.go_forward()
    heading(ann, "Tides")


def test_a_phone_goes_back_to_the_list_and_stays(visit: Visit) -> None:
    ann = visit(name("ann"), phone=True)
    ann.create_group("Boats")
    ann.page.go_back()
    expect(ann.row("Boats")).to_be_visible()
    ann.row("Boats").click()
    heading(ann, "Boats")
    ann.page.get_by_role("button", name="Back to the list").click()
    expect(ann.row("Boats")).to_be_visible()
    ann.page.go_forward()
    heading(ann, "Boats")


@pytest.mark.parametrize("phone", [False, True])
def test_a_reload_keeps_room_and_draft(visit: Visit, phone: bool) -> None:
    ann = visit(name("ann"), phone=phone)
    ann.create_group("Boats")
    ann.type("for the boats")
    if phone:
        ann.page.get_by_role("button", name="Back to the list").click()
    ann.create_group("Tides")
    ann.type("for the tides")
    ann.page.reload()
    heading(ann, "Tides")
    expect(ann.page.get_by_label("Message", exact=True)).to_have_value("for the tides")
    ann.page.go_back()
    if phone:
        expect(ann.row("Boats")).to_contain_text("Draft: for the boats")
        ann.row("Boats").click()
    heading(ann, "Boats")
    field = ann.page.get_by_label("Message", exact=True)
    expect(field).to_have_value("for the boats")
    field.press("Enter")
    ann.sees("for the boats")
    ann.page.reload()
    heading(ann, "Boats")
    expect(field).to_have_value("")
    ann.sees("for the boats")


def test_a_log_out_leaves_no_draft(visit: Visit) -> None:
    ann = visit(name("ann"))
    ann.create_group("Boats")
    ann.type("a secret")
    ann.page.get_by_role("button", name="Log out").click()
    expect(ann.page.get_by_label("Your name")).to_be_visible()
    assert "a secret" not in ann.page.evaluate("JSON.stringify([sessionStorage, localStorage])")


def test_a_reload_keeps_the_place(visit: Visit, api: People) -> None:
    ann = name("ann")
    room = api.room(ann)
    device = api.device(ann)
    for n in range(140):
        device.say(room, f"line {n}")
    person = visit(ann)
    person.open("Group")
    person.sees("line 139")
    person.page.get_by_label("Messages", exact=True).evaluate("node => node.scrollTop = 0")
    expect(person.message("line 60")).to_be_attached()
    expect(person.page.locator("#older")).to_be_enabled()
    # At once: a wheel's scroll goes on for a while, and the line that is looked for with it.
    person.page.get_by_label("Messages", exact=True).evaluate("node => node.scrollTop += 300")
    place = person.page.locator("#log article").filter(visible=True)
    top = """nodes => nodes.find(node => node.getBoundingClientRect().top > 200)
      .querySelector('.text').textContent"""
    line = place.evaluate_all(top)
    expect(person.message(line)).to_be_in_viewport()
    person.page.reload()
    heading(person, "Group")
    expect(person.message(line)).to_be_in_viewport()
    expect(person.message("line 139")).not_to_be_in_viewport()


def test_a_link_to_a_room_of_others_says_so(visit: Visit, api: People) -> None:
    room = api.room(name("ben"))
    ann = visit(name("ann"))
    ann.page.goto(f"{ann.url}/?user={ann.user}#/rooms/{room}")
    ann.page.reload()
    expect(ann.page.locator("#toasts")).to_contain_text("not a member")
    heading(ann, "Pick a chat")
    expect(ann.page).not_to_have_url(re.compile("rooms"))
