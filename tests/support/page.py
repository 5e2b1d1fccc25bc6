"""A person who uses the page: a browser context, and their actions."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 40_000


class Person:
    """A user logged in by `?user=`; `errors` has those of the console and of scripts.

    Args:
        phone: A narrow touch screen.
        via: The transport: json, websocket or upgrade.
        options: Options of the browser context.
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        user: str,
        *,
        phone: bool = False,
        via: str = "json",
        **options: Any,
    ) -> None:
        self.user = user
        self.url = url
        self.errors: list[str] = []
        size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 800}
        self.context = browser.new_context(viewport=size, has_touch=phone, **options)
        self.context.set_default_timeout(WAIT_MS)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.errors.append(f"{user}: {error}"))
        self.page.goto(f"{url}/?user={user}&via={via}")
        self.wait_online()

    def wait_online(self) -> None:
        expect(self.page.locator("body")).to_have_attribute("data-connection", "online")

    def tab(self, name: str) -> None:
        self.page.get_by_role("navigation").get_by_role("button", name=name).click()

    # -- friends and private chats

    def befriend(self, user: str) -> None:
        self.tab("Friends")
        self.page.get_by_label("A friend's name").fill(user)
        self.page.get_by_role("button", name="Add", exact=True).click()
        expect(self.friend(user)).to_be_visible()

    def friend(self, user: str) -> Locator:
        return self.page.locator(f'#friends [data-user="{user}"]')

    def chat_with(self, user: str) -> None:
        self.tab("Friends")
        self.page.get_by_role("button", name=f"Chat: {user}").click()
        expect(self.page.get_by_role("heading", name=user)).to_be_visible()

    # -- rooms

    def create_group(self, name: str, *others: str) -> None:
        self.tab("Chats")
        self.page.get_by_role("button", name="New group").click()
        self.page.get_by_label("Name of the group").fill(name)
        self.page.get_by_label("Other people").fill(", ".join(others))
        self.page.get_by_role("button", name="Create group").click()
        expect(self.page.get_by_role("heading", name=name)).to_be_visible()

    def row(self, name: str) -> Locator:
        return self.page.locator("#rooms").get_by_role("button").filter(has_text=name)

    def open(self, name: str) -> None:
        self.tab("Chats")
        self.row(name).click()
        expect(self.page.get_by_role("heading", name=name)).to_be_visible()

    # -- messages

    def type(self, text: str) -> None:
        self.page.get_by_label("Message", exact=True).press_sequentially(text)

    def say(self, text: str) -> Locator:
        """Send a text; return the message as this user sees it."""
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.get_by_role("button", name="Send", exact=True).click()
        message = self.message(text)
        expect(message).to_be_visible()
        return message

    def message(self, text: str) -> Locator:
        exactly = re.compile(f"^{re.escape(text)}$")
        paragraph = self.page.locator("p.text").get_by_text(exactly)
        return self.page.get_by_role("article").filter(has=paragraph)

    def sees(self, text: str) -> Locator:
        expect(self.message(text)).to_be_visible()
        return self.message(text)

    def texts(self) -> list[str]:
        return self.page.locator("#log p.text").all_text_contents()

    def act(self, message: Locator, name: str) -> None:
        """Click a button of a message."""
        message.hover()
        message.get_by_role("button", name=re.compile(f"^{name}")).click()

    def told(self, text: str | re.Pattern[str]) -> None:
        """Expect this text in the line about the connection."""
        expect(self.page.locator("#connection")).to_have_text(text)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{self.user}: {message.type}: {message.text} {message.location}")
