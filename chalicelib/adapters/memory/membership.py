"""The twin of cached membership in Redis; see `ports.MembershipCache`."""

from __future__ import annotations

from collections.abc import Mapping

from ...kernel.ids import BUCKETS, user_bucket
from ...model.connections import OnlineInRoom, Target
from ...model.identifiers import ConnectionId, RoomId, UserId
from ...model.rooms import LARGE, LargeRoom, Role
from .registry import MemoryRegistry

ROOM_MS = 3_600_000


class MemoryMembership(MemoryRegistry):
    def members(self, room_id: RoomId) -> tuple[str | None, dict[UserId, Role] | None]:
        with self._call():
            return self._members(room_id)

    def version(self, room_id: RoomId) -> str | None:
        with self._call():
            version: str | None = self._get(f"room:{room_id}:version")
            return version

    def fill_members(
        self, room_id: RoomId, version: str | None, members: Mapping[UserId, Role]
    ) -> str | None:
        with self._call():
            current = self._get(f"room:{room_id}:version")
            if current != version:
                return None
            current = str(current or self._ids.token())
            if len(members) > LARGE:
                for number in range(BUCKETS):
                    held = {user_id for user_id in members if user_bucket(user_id) == number}
                    self._put(f"members:{{{number}}}:{current}:{room_id}", held, ROOM_MS)
            self._put(f"room:{room_id}:version", current, ROOM_MS)
            self._put(f"room:{room_id}:members", dict(members), ROOM_MS)
            return current

    def bump(self, room_id: RoomId) -> None:
        with self._call():
            self._put(f"room:{room_id}:version", self._ids.token(), ROOM_MS)
            self._drop(f"room:{room_id}:members")

    def grant(self, connection_id: ConnectionId, room_id: RoomId, version: str, role: Role) -> None:
        with self._call(trips=0):
            entry = self._get(f"connection:{connection_id}")
            if entry is not None:
                entry["grants"][room_id] = (version, role)

    def online_in(self, room: LargeRoom) -> OnlineInRoom:
        with self._call():
            found: list[Target] = []
            cold: list[int] = []
            unfilled = False
            for number in range(BUCKETS):
                members = self._get(f"members:{{{number}}}:{room.version}:{room.room_id}")
                if not self._warm(number):
                    cold.append(number)
                elif members is None:
                    unfilled = True
                else:
                    for user_id in members & self._bucket(number).users.keys():
                        found += self._bucket(number).users[user_id].values()
            return OnlineInRoom(found, cold, unfilled)

    def _members(self, room_id: RoomId) -> tuple[str | None, dict[UserId, Role] | None]:
        members = self._get(f"room:{room_id}:members")
        version = self._get(f"room:{room_id}:version")
        return version, None if version is None or members is None else dict(members)
