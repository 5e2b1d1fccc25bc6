"""Who is a member of which room, cached in Redis; see `ports.MembershipCache`."""

from __future__ import annotations

from collections.abc import Mapping

from ...kernel.ids import BUCKETS, user_bucket
from ...model.identifiers import ConnectionId, RoomId, UserId
from ...model.rooms import LARGE, LargeRoom, Role
from ...ports.system import Ids
from . import keys, scripts
from .client import Command, RedisClient, evaluate
from .keys import ROOM_S

COMPLETE = ""  # a marker field in a hash by user id; no user has this id


class RedisMembership:
    def __init__(self, client: RedisClient, ids: Ids) -> None:
        self._client = client
        self._run = client.run
        self._ids = ids

    def members(self, room_id: RoomId) -> tuple[str | None, dict[UserId, Role] | None]:
        # The version first: members newer than it are harmless, as its grants become invalid.
        # Members older than the version would pass as current.
        version, roles = self._run(
            ("GET", keys.room_version(room_id)), ("HGETALL", keys.room_members(room_id))
        )
        return version, _roles(roles) if version is not None and roles else None

    def version(self, room_id: RoomId) -> str | None:
        version: str | None
        (version,) = self._run(("GET", keys.room_version(room_id)))
        return version

    def fill_members(
        self, room_id: RoomId, version: str | None, members: Mapping[UserId, Role]
    ) -> str | None:
        known = version or self._ids.token()
        if len(members) > LARGE:
            self._run(*_in_buckets(room_id, known, members))
        flat = [text for user, role in members.items() for text in (user, role.value)]
        arguments = (version or "", known, ROOM_S, *(flat or (COMPLETE, "1")))
        (stored,) = self._run(evaluate(scripts.FILL_MEMBERS, _keys(room_id), *arguments))
        return str(stored) if stored else None

    def bump(self, room_id: RoomId) -> None:
        self._run(evaluate(scripts.BUMP, _keys(room_id), self._ids.token(), ROOM_S))

    def grant(self, connection_id: ConnectionId, room_id: RoomId, version: str, role: Role) -> None:
        key = keys.connection(connection_id)
        self._client.later(
            evaluate(scripts.GRANT, [key], f"m:{room_id}", f"{version}|{role.value}")
        )


def read_members(room_id: RoomId) -> Command:
    """Read the members of a room, of a large one only how many they are."""
    return evaluate(scripts.MEMBERS, _keys(room_id), LARGE)


def members_of(
    room_id: RoomId, answer: list[object]
) -> tuple[str | None, Mapping[UserId, Role] | LargeRoom | None]:
    """The version and the members in an answer to `read_members`."""
    version, found = answer
    if version is None or found is None:
        return (str(version) if version is not None else None), None
    if isinstance(found, int):
        return str(version), LargeRoom(room_id, str(version), found)
    assert isinstance(found, list)
    return str(version), _roles(dict(zip(found[0::2], found[1::2], strict=True)))


def _roles(held: dict[str, str]) -> dict[UserId, Role]:
    held.pop(COMPLETE, None)
    return {UserId(user): Role(role) for user, role in held.items()}


def _keys(room_id: RoomId) -> list[str]:
    return [keys.room_version(room_id), keys.room_members(room_id)]


def _in_buckets(room_id: RoomId, version: str, members: Mapping[UserId, Role]) -> list[Command]:
    """Store the members by bucket, where they are intersected with those who are online."""
    users: dict[int, list[str]] = {number: [COMPLETE] for number in range(BUCKETS)}
    for user_id in members:
        users[user_bucket(user_id)].append(user_id)
    return [
        evaluate(
            scripts.FILL_BUCKET, [keys.room_members_in(number, version, room_id)], ROOM_S, *held
        )
        for number, held in users.items()
    ]
