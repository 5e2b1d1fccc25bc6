"""The pictures of the page in docs/images: `python -m tests.page.screenshots`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.page import ARGS, WAIT_MS, Person
from tests.support.people import People
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
# What the picture is called, how it looks, what is said in it.
LOOKS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "page-desktop": ({"color_scheme": "light"}, ["Music starts at nine."]),
    "page-dark": ({"color_scheme": "dark"}, ["Lights at half past."]),
    "page-phone": ({"phone": True, "color_scheme": "light"}, []),
}


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("chromium is not installed", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=WAIT_MS)
    with (
        in_thread(EmbeddedStack(port=0)) as stack,
        sync_playwright() as playwright,
        People(stack.url, stack.ws_url) as people,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        talk = _talk(browser, stack.url, people)
        for name in LOOKS:
            _shoot(browser, stack.url, name, talk)
        browser.close()
    return 0


def _talk(browser: Browser, url: str, people: People) -> Callable[[], None]:
    """A day in the life; the answer lets somebody type."""
    for one, other in (("mira", "jonas"), ("mira", "lin"), ("mira", "okoro")):
        for user, friend in ((one, other), (other, one)):
            people.http("PUT", f"/v1/friends/{friend}", None, people.token(user))
    people.http("PUT", "/v1/friends/mira", None, people.token("tessa"))
    mira = Person(browser, url, "mira")
    for friend, text in (("okoro", "See you on Friday then."), ("jonas", "Thanks for the map!")):
        mira.chat_with(friend)
        mira.say(text)
    mira.create_group("Harbour festival", "jonas", "lin", "okoro")
    mira.say("The stage arrives at seven. Who can be at the north gate?")
    jonas, lin = Person(browser, url, "jonas"), Person(browser, url, "lin")
    for person in (jonas, lin):
        person.open("Harbour festival")
    jonas.say("I can, but I need the keys.")
    lin.say("Keys are with me already.")
    lin.say("I come by bike, so ten past at the latest.")
    mira.act(mira.sees("I can, but I need the keys."), "Reply")
    mira.say("Lin has them. Could you two meet at the ferry?")
    jonas.say("Perfect. Ferry, a quarter to seven.")
    mira.act(mira.say("And bring the cabel drums"), "Delete")
    mira.say("And bring the cable drums, please!")
    lin.sees("And bring the cable drums, please!")
    device = people.device("okoro")
    room = next(
        room["room_id"]
        for room in people.http("GET", "/v1/rooms", token=people.token("okoro"))[1]["rooms"]
        if room["room_type"] == "private_chat"
    )
    for text in ("One more thing:", "who brings the tent?"):
        device.say(room, text)
    mira.context.close()

    def type_now() -> None:
        lin.page.get_by_label("Message", exact=True).fill("")
        lin.type("On it")

    return type_now


def _shoot(browser: Browser, url: str, name: str, talk: Callable[[], None]) -> None:
    look, lines = LOOKS[name]
    mira = Person(browser, url, "mira", **look)
    if not look.get("phone"):
        mira.page.set_viewport_size({"width": 1240, "height": 720})
    if name == "page-desktop":
        mira.page.get_by_role("button", name="Under the hood").click()
    mira.open("Harbour festival")
    for text in lines:
        mira.say(text)
    mira.page.locator("#text").blur()
    mira.page.mouse.move(0, 0)
    talk()
    expect(mira.page.locator("#typing")).to_contain_text("lin is typing")
    mira.page.screenshot(path=IMAGES / f"{name}.png")
    mira.context.close()


if __name__ == "__main__":
    sys.exit(main())
