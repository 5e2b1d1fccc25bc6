"""axe on every view in light, dark and on a phone; and the page without a mouse."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.page import Person
from tests.support.people import name
from workbench.stack.embedded import EmbeddedStack

Visit = Callable[..., Person]
SCHEMES = ["light", pytest.param("dark", marks=pytest.mark.extended)]
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make node")
    return AXE.read_text()


def faults(page: Page, axe: str) -> list[str]:
    """What axe calls serious or critical. Run from outside: the page's policy stays as it is."""
    page.evaluate(axe)
    result: dict[str, Any] = page.evaluate("async () => await axe.run()")
    return [
        f"{rule['id']}: {node['html']} {node['failureSummary']}"
        for rule in result["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize(
    "look",
    [
        pytest.param({"color_scheme": "light"}, id="light"),
        pytest.param({"color_scheme": "dark"}, id="dark", marks=pytest.mark.extended),
        pytest.param({"phone": True}, id="phone", marks=pytest.mark.extended),
    ],
)
def test_axe_finds_nothing_serious(visit: Visit, axe: str, look: dict[str, Any]) -> None:
    ann, ben = visit(name("ann"), reduced_motion="reduce", **look), visit(name("ben"))
    assert faults(ann.page, axe) == []
    ann.befriend(ben.user)
    assert faults(ann.page, axe) == []
    ben.befriend(ann.user)
    ann.page.reload()
    ann.wait_online()
    ann.create_group("Boat house", ben.user)
    said = ann.say("Who has the key?")
    ben.open("Boat house")
    ben.act(ben.sees("Who has the key?"), "Reply")
    ben.say("I have")
    ann.sees("I have")
    ann.act(ann.say("wrong chat"), "Delete")
    ann.sees("This message was deleted")
    ann.act(said, "Reply")
    assert faults(ann.page, axe) == []
    phone = bool(look.get("phone"))
    if not phone:
        ann.page.get_by_role("button", name="Under the hood").click()
        ann.page.locator("#frames summary").first.click()
        assert faults(ann.page, axe) == []
        ann.page.keyboard.press("Escape")
    ann.context.set_offline(True)
    ann.told(re.compile("^You are offline"))
    assert faults(ann.page, axe) == []
    ann.context.set_offline(False)
    ann.told(re.compile("^Back online"))
    assert faults(ann.page, axe) == []
    if phone:
        ann.page.get_by_role("button", name="Back to the list").click()
    ann.tab("Chats")
    ann.page.get_by_role("button", name="New group").click()
    assert faults(ann.page, axe) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_on_moments_and_notifications(visit: Visit, axe: str, scheme: str) -> None:
    ann, ben = visit(name("ann"), reduced_motion="reduce", color_scheme=scheme), visit(name("ben"))
    ben.befriend(ann.user)
    ann.page.reload()
    ann.tab("Friends")
    expect(ann.page.get_by_role("button", name=f"Accept: {ben.user}")).to_be_visible()
    assert faults(ann.page, axe) == []
    ann.tab("Moments")
    ann.page.get_by_label("A moment for your friends").fill("Fog")
    ann.page.get_by_role("button", name="Post").click()
    expect(ann.page.locator("#moments .item")).to_have_count(1)
    assert faults(ann.page, axe) == []
    ann.page.get_by_role("button", name="Notifications").click()
    ann.page.get_by_role("button", name="Send me a test notification").click()
    expect(ann.page.locator("#notice-list .item")).to_have_count(1)
    assert faults(ann.page, axe) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_on_the_log_in(browser: Browser, stack: EmbeddedStack, axe: str, scheme: Any) -> None:
    page = browser.new_page(color_scheme=scheme)
    page.goto(stack.url)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    assert faults(page, axe) == []
    page.context.close()


def test_a_chat_with_the_keyboard_alone(visit: Visit) -> None:
    ann, ben = visit(name("ann")), visit(name("ben"))
    ben.create_group("Dock", ann.user)
    ben.say("ahoy")
    expect(ann.row("Dock")).to_be_visible()
    press = ann.page.keyboard.press
    focused = ann.page.locator(":focus")
    for _ in range(20):
        press("Tab")
        if "Dock" in (focused.text_content() or ""):
            break
    outline = focused.evaluate("node => getComputedStyle(node).outlineStyle")
    assert outline == "solid"
    press("Enter")
    expect(ann.page.get_by_label("Message", exact=True)).to_be_focused()
    ann.page.keyboard.type("two lines")
    press("Shift+Enter")
    ann.page.keyboard.type("in one")
    press("Enter")
    expect(ann.page.get_by_label("Message", exact=True)).to_have_value("")
    expect(ann.page.get_by_label("Message", exact=True)).to_be_focused()
    ben.sees("two lines\nin one")
    press("Shift+Tab")
    while "Reply" not in (focused.text_content() or ""):
        press("Shift+Tab")
    press("Enter")
    expect(ann.page.locator("#replying")).to_be_visible()
    press("Escape")
    expect(ann.page.locator("#replying")).to_be_hidden()
    log = ann.page.get_by_role("log")
    expect(log).to_have_attribute("aria-live", "polite")


def test_a_dialog_keeps_the_focus_and_gives_it_back(visit: Visit) -> None:
    ann = visit(name("ann"))
    ann.page.get_by_role("button", name="New group").focus()
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_label("Name of the group")).to_be_focused()
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_role("alert")).to_have_text("Please name the group.")
    ann.page.keyboard.press("Escape")
    expect(ann.page.get_by_role("button", name="New group")).to_be_focused()


def test_a_phone_goes_from_list_to_chat_and_back(visit: Visit) -> None:
    ann, ben = visit(name("ann"), phone=True), visit(name("ben"))
    ben.create_group("Jetty", ann.user)
    ben.say("first")
    width = ann.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    ann.row("Jetty").click()
    ann.sees("first")
    expect(ann.page.get_by_role("navigation")).to_be_hidden()
    ann.say("from the phone")
    ben.sees("from the phone")
    assert ann.page.evaluate("document.documentElement.scrollWidth") <= 390
    ann.page.get_by_role("button", name="Back to the list").click()
    expect(ann.row("Jetty")).to_be_focused()
    expect(ann.page.get_by_role("heading", name="Jetty")).to_be_hidden()
    ben.say("second")
    expect(ann.row("Jetty").locator(".badge")).to_have_text("1 unread")


def test_the_theme_is_kept(visit: Visit) -> None:
    ann = visit(name("ann"), color_scheme="light")
    root = ann.page.locator("html")
    ann.page.get_by_role("button", name="Switch between light and dark").click()
    expect(root).to_have_css("color-scheme", "dark")
    ann.page.reload()
    expect(root).to_have_css("color-scheme", "dark")
