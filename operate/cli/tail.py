"""`tidings tail`: the messages of a room as they come, with the rights of one of its members."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from operate import http
from tidings_client import ActionError, TidingsClient

from . import options, say
from .options import Json, Region, Room, Secret, Url
from .service import Service

_DAY_S = 86_400
_MOST = 100
_MESSAGES = ("message_received", "message_deleted")


def tail(
    context: typer.Context,
    room: Room,
    user: Annotated[
        str | None,
        typer.Option(parser=options.user_id, metavar="USER", help="A member, whose eyes you use."),
    ] = None,
    token: Annotated[
        str, typer.Option(envvar="TIDINGS_TOKEN", help="A member's, instead of --user.")
    ] = "",
    last: Annotated[
        int, typer.Option(min=0, max=_MOST, help="Begin with the last messages before.")
    ] = 0,
    count: Annotated[
        int, typer.Option(min=0, help="End after so many messages; 0 for Ctrl-C.")
    ] = 0,
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Show the messages of ROOM as they come; exit code 1 if it may not be read."""
    if bool(user) == bool(token):
        raise typer.BadParameter(
            "messages are for members only: give a member's --token, or one's name with --user and "
            "the right to make tokens"
        )
    service = Service.of(context, url, secret, region)
    shown = _Shown(room, count, as_json)

    async def issue() -> str:
        return token or await service.issue(str(user), _DAY_S, [])

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_tail(service, issue, shown, last))
    raise typer.Exit(1 if shown.refused else 0)


class _Shown:
    """Prints messages, each once, until there were enough."""

    def __init__(self, room: str, count: int, as_json: bool) -> None:
        self.refused = ""
        self.done = asyncio.Event()
        self.room = room
        self._left, self._as_json = count or sys.maxsize, as_json
        self._known: set[str] = set()  # a push may be repeated, and be in the history
        self._console = Console(highlight=False)

    def on_event(self, name: str, data: dict[str, Any]) -> None:
        if name == "refused":
            self.refused = str(data["message"])
            self.done.set()
        elif name == "recovered" and not data.get("recovered", True):
            say.problem("the connection was lost for too long: some messages may be missing")
        elif data.get("conversation_id") == self.room and name in _MESSAGES:
            self.show(name, data)

    def show(self, name: str, data: dict[str, Any]) -> None:
        if self.done.is_set() or name + data["message_id"] in self._known:
            return
        self._known.add(name + data["message_id"])
        if self._as_json:
            typer.echo(json.dumps({"event": name, "data": data}))
        elif name == "message_deleted":
            self._console.print(Text(f"{data['deleted_by']} deleted {data['message_id']}", "dim"))
        else:
            self._console.print(_line(data))
        if name == "message_received":
            self._left -= 1
            if self._left == 0:
                self.done.set()


def _line(message: dict[str, Any]) -> Text:
    at = datetime.fromisoformat(message["timestamp"]).astimezone().strftime("%H:%M:%S")
    content = "(deleted)" if message["is_deleted"] else say.harmless(str(message["content"]))
    return Text.assemble((at, "dim"), " ", (message["sender_id"], "cyan"), " ", content)


async def _tail(
    service: Service, issue: Callable[[], Awaitable[str]], shown: _Shown, last: int
) -> None:
    client = TidingsClient(service.url.replace("http", "ws", 1) + "/ws", issue, shown.on_event)
    path = f"{service.url}/v1/rooms/{shown.room}/messages?limit={max(1, last)}"
    await client.connect()
    try:
        status, history = await http.request("GET", path, await issue())
        if status != 200:
            raise http.HttpError(f"{shown.room} may not be read: {http.reason(history)}")
        for message in history["messages"][-last:] if last else []:
            shown.show("message_received", message)
        if history["position"] is not None:
            client.follow(shown.room, history["position"])
        await shown.done.wait()
    except ActionError as fault:
        shown.refused = fault.message
    finally:
        await client.close()
    if shown.refused:
        say.problem(shown.refused)
