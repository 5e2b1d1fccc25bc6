"""`tidings chat`: a terminal client, with history, typing and recovery.

On a terminal, the line being written stays at the bottom, and others see that the user types.
Otherwise each line of input is a message, and the program ends when input ends and all are acked.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console
from rich.text import Text

from operate import http
from operate.cli.say import harmless
from operate.cli.service import Service
from tidings_client import ActionError, TidingsClient

_HISTORY, _DAY_S = 20, 86_400
_TYPING_AGAIN_S = 4.0  # the server lets it expire after 6


class Chat:
    """Shows messages and events, and handles entered lines."""

    def __init__(self, user: str, room: str) -> None:
        self.user = user
        self.room = room
        self.refused = False
        self.failed = False
        self._console = Console(highlight=False)
        self._mine: list[str] = []

    def show(self, message: dict[str, Any]) -> None:
        at = datetime.fromisoformat(message["timestamp"]).astimezone().strftime("%H:%M:%S")
        content = "(deleted)" if message["is_deleted"] else harmless(str(message["content"]))
        name = "you" if message["sender_id"] == self.user else message["sender_id"]
        style = "dim" if name == "you" else "cyan"
        self._console.print(Text.assemble((at, "dim"), " ", (name, style), " ", content))

    def note(self, text: str) -> None:
        self._console.print(Text(f"  {harmless(text)}", style="dim italic"))

    def on_event(self, name: str, data: dict[str, Any]) -> None:
        if data.get("conversation_id", self.room) != self.room:
            return
        if name == "message_received":
            self.show(data)
        elif name == "typing" and data["is_typing"]:
            self.note(f"{data['user_id']} is typing …")
        elif name in ("user_joined", "user_left") and data["room_id"] == self.room:
            self.note(f"{data['user_id']} {name.removeprefix('user_')}")
        elif name == "message_deleted":
            self.note(f"{data['deleted_by']} deleted a message")
        elif name == "disconnected":
            self.note(f"connection lost: reconnecting … ({data['reason']['message']})")
        elif name == "moved":
            self.note(f"moving to {data['url']}")
        elif name == "refused":
            self.refused = True
            self.note(f"cannot reconnect: {data['message']}")
        elif name == "recovered":
            self.note(_recovered(data))

    async def line(self, client: TidingsClient, text: str) -> bool:
        """Handle an entered line; return False to end."""
        if text == "/quit":
            return False
        try:
            if text == "/delete":
                await self._delete(client)
            elif text:
                body = {"conversation_id": self.room, "message_type": "text", "content": text}
                self._mine.append((await client.call("send_message", body))["message_id"])
        except ActionError as error:
            self.failed = True
            self.note(f"not sent: {error.message}")
        return not self.refused

    async def _delete(self, client: TidingsClient) -> None:
        if not self._mine:
            self.note("you have not sent a message here yet")
            return
        ref = {"conversation_id": self.room, "message_id": self._mine[-1]}
        await client.call("delete_message", ref)
        self._mine.pop()


class Typing:
    """Announces that the user types, at most every four seconds, and that they stopped."""

    def __init__(self, client: TidingsClient, room: str) -> None:
        self._client, self._room = client, room
        self._told_at: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def edited(self, text: str) -> None:
        """Handle a change of the line being written."""
        now = asyncio.get_running_loop().time()
        if not text or text.startswith("/"):
            if self._told_at is not None:
                self._told_at = None
                self._tell("typing_stop")
        elif self._told_at is None or now - self._told_at >= _TYPING_AGAIN_S:
            self._told_at = now
            self._tell("typing_start")

    def _tell(self, action: str) -> None:
        task = asyncio.get_running_loop().create_task(self._call(action))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, action: str) -> None:
        with contextlib.suppress(ActionError):  # typing is shown for seconds only: do not report it
            await self._client.call(action, {"conversation_id": self._room})


async def run(service: Service, user: str, room: str) -> int:
    """Chat until /quit or the end of input; return 1 if a message was not sent, else 0."""

    async def token() -> str:
        return await service.issue(user, _DAY_S, [])

    await enter(service, user, room)
    chat = Chat(user, room)
    client = TidingsClient(service.url.replace("http", "ws", 1) + "/ws", token, chat.on_event)
    await client.connect()
    try:
        await client.call("join_room", {"room_id": room})
        path = f"/v1/rooms/{room}/messages?limit={_HISTORY}"
        history = await service.call(user, "GET", path)
        for message in history["messages"]:
            chat.show(message)
        chat.note(f"{user} in {room}. /delete deletes your last message, /quit ends.")
        async for text in _typed(client, room) if sys.stdin.isatty() else _piped():
            if not await chat.line(client, text):
                break
    finally:
        await client.close()
    return 1 if chat.refused or chat.failed else 0


async def enter(service: Service, user: str, room: str) -> None:
    """Make the user a member of the room: create it, or have an admin add the user."""
    members, body = f"/v1/rooms/{room}/members", {"user_id": user}
    status, answer = await service.ask(user, "GET", f"/v1/rooms/{room}")
    if status == 403:  # no member, or no such room: only an admin learns which
        status, answer = await service.ask("tidings-cli", "POST", members, body, ["admin"])
    if status == 404:
        new = {"room_type": "group_chat", "participants": [], "room_id": room}
        status, answer = await service.ask(user, "POST", "/v1/rooms", new)
        if status == 409:  # somebody else has created it meanwhile
            status, answer = await service.ask("tidings-cli", "POST", members, body, ["admin"])
    if status >= 300:
        raise http.HttpError(f"cannot join {room}: {http.reason(answer)}")


def _recovered(data: dict[str, Any]) -> str:
    if "error" in data:
        return f"reconnected, but: {data['error']['message']}"
    return "reconnected: " + (f"{data['missed']} missed" if data["recovered"] else "history reset")


async def _typed(client: TidingsClient, room: str) -> AsyncIterator[str]:
    """Lines typed on the terminal, until Ctrl-D or Ctrl-C."""
    session: PromptSession[str] = PromptSession()
    typing = Typing(client, room)
    session.default_buffer.on_text_changed += lambda buffer: typing.edited(buffer.text)
    with patch_stdout(raw=True), contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            yield (await session.prompt_async("> ")).strip()


async def _piped() -> AsyncIterator[str]:
    """Lines of standard input, read in a thread, as not every kind of file can be polled."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        for text in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, text)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    while (text := await lines.get()) is not None:
        yield text.strip()
