"""`tidings send`: send one message."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Annotated, Any

import typer

from operate import http

from .options import Json, Region, Room, Secret, Url, User
from .service import Service


def send(
    context: typer.Context,
    user: User,
    room: Room,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The message's text.")],
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Send TEXT to ROOM as USER, a member of it, and print the message's id."""
    sent = asyncio.run(_send(Service.of(context, url, secret, region), user, room, text))
    typer.echo(json.dumps(sent) if as_json else sent["message_id"])


async def _send(service: Service, user: str, room: str, text: str) -> dict[str, Any]:
    """Send the message; without an answer, once more under the same `client_message_id`."""
    body = {"message_type": "text", "content": text, "client_message_id": uuid.uuid4().hex}
    path = f"/v1/rooms/{room}/messages"
    try:
        status, answer = await service.ask(user, "POST", path, body)
    except http.NoAnswerError:
        status, answer = await service.ask(user, "POST", path, body)
    if status in (403, 404):
        raise http.HttpError(
            f"not sent: {http.reason(answer)}; `tidings room create {user} ROOM` creates a room, "
            f"`tidings room add OWNER {room} {user}` adds {user} to this one"
        )
    if status >= 300:
        raise http.HttpError(f"not sent: {http.reason(answer)}")
    return answer
