"""`tidings room`: create rooms, add members and list rooms, as a user."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from operate import http

from . import say
from .options import Json, Region, Room, Secret, Url, User, user_id
from .service import Service

app = typer.Typer(no_args_is_help=True, help="Rooms: create, add, list.")

_OTHERS = typer.Argument(parser=user_id, metavar="MEMBER", help="User ids.")
Members = Annotated[list[str], _OTHERS]
MaybeMembers = Annotated[list[str] | None, _OTHERS]


@app.command()
def create(
    context: typer.Context,
    user: User,
    room: Room,
    member: MaybeMembers = None,
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Create ROOM with USER as owner and MEMBERs; a room that USER already has is left as is."""
    service = Service.of(context, url, secret, region)
    made, found = asyncio.run(_create(service, user, room, member or []))
    members = [each["user_id"] for each in found["participants"]]
    if as_json:
        typer.echo(json.dumps({"room_id": room, "created": made, "participants": members}))
        return
    typer.echo(f"{room}: {'created' if made else 'already there'}, with {', '.join(members)}")


@app.command()
def add(
    context: typer.Context,
    user: User,
    room: Room,
    member: Members,
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Add MEMBERs to ROOM as USER, who is its owner or an admin of it."""
    service = Service.of(context, url, secret, region)
    asyncio.run(_add(service, user, room, member))
    added = json.dumps({"room_id": room, "added": member})
    typer.echo(added if as_json else f"{room}: added {', '.join(member)}")


@app.command("list")
def list_(
    context: typer.Context,
    user: User,
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
    as_json: Json = False,
) -> None:
    """List the rooms of USER."""
    service = Service.of(context, url, secret, region)
    rooms = asyncio.run(_rooms(service, user))
    if as_json:
        typer.echo(json.dumps(rooms))
        return
    if not rooms:
        typer.echo(f"{user} is in no room")
        return
    table = say.table("room", "type", "role", "unread")
    for each in rooms:
        cells = (each["room_id"], each["room_type"], each["role"], each["unread"])
        table.add_row(*(Text(str(cell)) for cell in cells))
    Console().print(table)


async def _rooms(service: Service, user: str) -> list[dict[str, Any]]:
    """All rooms of a user, page by page."""
    found: list[dict[str, Any]] = []
    query = "limit=100"
    while True:
        page = await service.call(user, "GET", f"/v1/rooms?{query}")
        found += page["rooms"]
        if page["next"] is None:
            return found
        query = f"limit=100&after={page['next']}"


async def _create(
    service: Service, user: str, room: str, members: list[str]
) -> tuple[bool, dict[str, Any]]:
    """Create the room, or find it; return whether it is new, and the room.

    A repeated call whose first answer was lost is not an error.

    Raises:
        HttpError: The room exists and the user is not in it, or a call failed.
    """
    body = {"room_type": "group_chat", "participants": members, "room_id": room}
    status, answer = await service.ask(user, "POST", "/v1/rooms", body)
    if status < 300:
        return True, answer
    if status != 409:
        raise http.HttpError(f"{room} was not created: {http.reason(answer)}")
    refused = http.reason(answer)
    status, found = await service.ask(user, "GET", f"/v1/rooms/{room}")
    if status >= 300:
        raise http.HttpError(f"{room} was not created, and {user} is not in it: {refused}")
    there = {each["user_id"] for each in found["participants"]}
    missing = [each for each in members if each not in there]
    if not missing:
        return False, found
    await _add(service, user, room, missing)
    return False, await service.call(user, "GET", f"/v1/rooms/{room}")


async def _add(service: Service, user: str, room: str, members: list[str]) -> None:
    for each in members:
        path = f"/v1/rooms/{room}/members"
        status, answer = await service.ask(user, "POST", path, {"user_id": each})
        if status >= 300:
            raise http.HttpError(f"{each} was not added to {room}: {http.reason(answer)}")
