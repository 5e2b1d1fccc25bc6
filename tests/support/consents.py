"""What users say about being reached, over HTTP."""

from __future__ import annotations

from typing import Any

from chalicelib.entrypoints.http import consents, rest
from tests.support.world import World


def choose(world: World, user: str, added_by: str | None) -> None:
    answer = world.http(consents.put_consent, user, {"added_by": added_by})
    assert answer.status == 200, answer


def block(world: World, user: str, other: str) -> None:
    answer = world.http(consents.put_block, user, user_id=other)
    assert answer.status == 200, answer


def unblock(world: World, user: str, other: str) -> None:
    assert world.http(consents.remove_block, user, user_id=other).status == 200


def befriend(world: World, one: str, other: str) -> None:
    for user, friend in ((one, other), (other, one)):
        assert world.http(rest.put_friend, user, user_id=friend).status == 200


def invitations(world: World, user: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.http(consents.list_invitations, user).body["invitations"]
    return found


def invited(world: World, user: str) -> list[str]:
    """The rooms that a user is invited to, the newest first."""
    return [each["room_id"] for each in invitations(world, user)]


def accept(world: World, user: str, room_id: str) -> Any:
    return world.http(consents.accept_invitation, user, room_id=room_id)


def decline(world: World, user: str, room_id: str) -> Any:
    return world.http(consents.decline_invitation, user, room_id=room_id)


def chat(world: World, user: str, other: str) -> dict[str, Any]:
    """The private chat that a user asks for."""
    body = {"room_type": "private_chat", "participants": [other]}
    answer = world.http(rest.create_room, user, body)
    assert answer.status == 201, answer
    room: dict[str, Any] = answer.body
    return room


def members(room: dict[str, Any]) -> list[str]:
    return sorted(each["user_id"] for each in room["participants"])
