"""The twin of rooms and memberships: see `ports.RoomStore`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from ...kernel import nesting
from ...model.identifiers import RoomId, UserId
from ...model.rooms import Member, Room


class MemoryRoomStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rooms: dict[RoomId, Room] = {}
        self._members: dict[RoomId, dict[UserId, Member]] = {}

    def create(self, room: Room, members: Sequence[Member]) -> bool:
        with self._lock:
            if room.room_id in self._rooms:
                return False
            self._rooms[room.room_id] = room
            for member in members:
                self._members.setdefault(room.room_id, {})[member.user_id] = member
            return True

    def get(self, room_id: RoomId) -> Room | None:
        found = self.get_many([room_id])
        return found[0] if found else None

    def get_many(self, room_ids: Sequence[RoomId]) -> list[Room]:
        with self._lock:
            found = [self._rooms[room_id] for room_id in room_ids if room_id in self._rooms]
        return [replace(each, metadata=nesting.readable(each.metadata)) for each in found]

    def member(self, room_id: RoomId, user_id: UserId) -> Member | None:
        with self._lock:
            return self._members.get(room_id, {}).get(user_id)

    def members(self, room_id: RoomId) -> list[Member]:
        with self._lock:
            members = self._members.get(room_id, {})
            return [members[user_id] for user_id in sorted(members)]

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        with self._lock:
            return sorted(room for room, members in self._members.items() if user_id in members)

    def joined_since(self, user_id: UserId, at_ms: int) -> list[Member]:
        with self._lock:
            held = [self._members[room].get(user_id) for room in sorted(self._members)]
        return [each for each in held if each is not None and each.joined_at_ms >= at_ms]

    def add_member(self, member: Member) -> bool:
        with self._lock:
            members = self._members.setdefault(member.room_id, {})
            if member.user_id in members:
                return False
            members[member.user_id] = member
            return True

    def remove_member(self, room_id: RoomId, user_id: UserId) -> bool:
        with self._lock:
            return self._members.get(room_id, {}).pop(user_id, None) is not None
