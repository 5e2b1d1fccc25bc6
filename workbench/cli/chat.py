"""`tidings chat`: a terminal client, with history, typing and recovery."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from workbench.client import ActionError, TidingsClient

from . import http

_HISTORY, _DAY_S = 20, 86_400


class Chat:
    """What is shown, and what a line does."""

    def __init__(self, user: str, room: str) -> None:
        self.user = user
        self.room = room
        self._console = Console(highlight=False)
        self._mine: list[str] = []
        self._lost = False

    def show(self, message: dict[str, Any]) -> None:
        at = datetime.fromisoformat(message["timestamp"]).astimezone().strftime("%H:%M:%S")
        content = "(deleted)" if message["is_deleted"] else str(message["content"])
        name = "you" if message["sender_id"] == self.user else message["sender_id"]
        style = "dim" if name == "you" else "cyan"
        self._console.print(Text.assemble((at, "dim"), " ", (name, style), " ", content))

    def note(self, text: str) -> None:
        self._console.print(Text(f"  {text}", style="dim italic"))

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
            self._lost = True
            self.note("connection lost, reconnecting …")
        elif name == "recovered":
            what = f"{data['missed']} missed" if data["recovered"] else "history was reset"
            self.note(f"back again: {what}")

    async def line(self, client: TidingsClient, text: str) -> bool:
        """Act on an entered line; False to end."""
        if text == "/quit":
            return False
        try:
            if text == "/delete" and self._mine:
                ref = {"conversation_id": self.room, "message_id": self._mine.pop()}
                await client.call("delete_message", ref)
            elif text:
                body = {"conversation_id": self.room, "message_type": "text", "content": text}
                ack = await client.call("send_message", body)
                self._mine.append(ack["message_id"])
                client.follow(self.room, ack["position"])
        except ActionError as error:
            self.note(f"not sent: {error.message}")
        return True


async def run(url: str, user: str, room: str) -> int:
    """Chat until /quit or the end of input; the exit code."""

    async def token() -> str:
        return await http.dev_token(url, user, _DAY_S, [])

    await enter(url, user, room, await token())
    chat = Chat(user, room)
    client = TidingsClient(url.replace("http", "ws", 1) + "/ws", token, chat.on_event)
    await client.connect()
    try:
        joined = await client.call("join_room", {"room_id": room})
        client.follow(room, joined["position"])
        path = f"{url}/v1/rooms/{room}/messages?limit={_HISTORY}"
        _, history = await http.request("GET", path, await token())
        for message in history["messages"]:
            chat.show(message)
        chat.note(f"{user} in {room}. /delete takes your last message back, /quit ends.")
        await _lines(chat, client)
    finally:
        await client.close()
    return 0


async def enter(url: str, user: str, room: str, token: str) -> None:
    """Be a member of the room: create it, or have the local stack's admin add the user."""
    status, answer = await http.request("GET", f"{url}/v1/rooms/{room}", token)
    if status == 404:
        body = {"room_type": "group_chat", "participants": [], "room_id": room}
        status, answer = await http.request("POST", f"{url}/v1/rooms", token, body)
    if status in (403, 409):
        admin = await http.dev_token(url, "tidings-cli", 60, ["admin"])
        path = f"{url}/v1/rooms/{room}/members"
        status, answer = await http.request("POST", path, admin, {"user_id": user})
    if status >= 300:
        typer.echo(f"cannot enter {room}: {answer['error']['message']}", err=True)
        raise typer.Exit(1)


async def _lines(chat: Chat, client: TidingsClient) -> None:
    """Lines of standard input, until it ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while text := await reader.readline():
        if not await chat.line(client, text.decode(errors="replace").strip()):
            return
