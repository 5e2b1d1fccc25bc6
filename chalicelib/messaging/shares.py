"""The users of each part of a large room, kept by the process while the membership is the same."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..kernel.errors import CacheDown
from ..membership.rooms import Rooms
from ..model.identifiers import RoomId, UserId
from ..ports.membership import MembershipCache
from .fanout import PARTS, part_of

_MOST_ROOMS = 8  # kept by a process; a room of 10,000 members takes about 1 MB


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a room.

    Attributes:
        members: How many members the room has.
        users: The members in this part.
    """

    members: int
    users: Sequence[UserId]


class Shares:
    def __init__(self, rooms: Rooms, cache: MembershipCache) -> None:
        self._rooms = rooms
        self._cache = cache
        self._lock = threading.Lock()
        self._known: dict[RoomId, tuple[str, list[Share]]] = {}

    def of(self, room_id: RoomId, part: int) -> Share:
        """Return a part of a room, as its membership is now.

        A process serves several parts of a room. It reads the members once for each version of
        the membership, and afterwards only asks for the version.
        """
        known = self._known.get(room_id)
        try:
            if known is not None and self._cache.version(room_id) == known[0]:
                return known[1][part]
            version, members = self._cache.members(room_id)
        except CacheDown:
            return _split(self._rooms.members(room_id))[part]
        if members is None:
            return _split(self._rooms.fill(room_id, version))[part]
        shares = _split(members)
        if version is not None:
            self._keep(room_id, version, shares)
        return shares[part]

    def _keep(self, room_id: RoomId, version: str, shares: list[Share]) -> None:
        with self._lock:
            if room_id not in self._known and len(self._known) >= _MOST_ROOMS:
                del self._known[next(iter(self._known))]
            self._known[room_id] = version, shares


def _split(members: Collection[UserId]) -> list[Share]:
    users: list[list[UserId]] = [[] for _ in range(PARTS)]
    for user_id in members:
        users[part_of(user_id)].append(user_id)
    return [Share(len(members), each) for each in users]
