"""The twin of rooms and memberships: see `ports.RoomStore`."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...kernel import nesting
from ...kernel.ids import of_regional_key, regional_key
from ...model import decisions
from ...model.decisions import Decision
from ...model.identifiers import Region, RoomId, UserId
from ...model.rooms import Member, Role, Room, weakness
from ...model.slices import Slice
from .items import REGION, Items, sliced

Held = list[Decision[Member]]


@dataclass
class RoomTables:
    """The tables of a region. `claims` are those of the region that keeps them for all."""

    rooms: Items[Room] = field(default_factory=Items)
    memberships: Items[Decision[Member]] = field(default_factory=Items)
    claims: Items[tuple[UserId, Region]] = field(default_factory=Items)


class MemoryRoomStore:
    def __init__(
        self, regions: Sequence[Region] = (REGION,), tables: RoomTables | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._region = regions[0]
        self._regions = tuple(regions)
        self._several = len(regions) > 1
        self._tables = tables or RoomTables()
        self._rooms, self._members = self._tables.rooms, self._tables.memberships

    def claim(self, room_id: RoomId, creator: UserId) -> bool:
        if not self._several:
            return True
        with self._lock:
            claims, mine = self._tables.claims, (creator, self._region)
            if claims.get(room_id) is None:
                claims.put(room_id, "", mine)
            return claims.get(room_id) == mine

    def create(self, room: Room, members: Sequence[Member]) -> bool:
        with self._lock:
            if self._rooms.get(room.room_id) is not None:
                return False
            self._rooms.put(room.room_id, "", room)
            for member in members:
                self._members.put(room.room_id, member.user_id, Decision(None, member))
            return True

    def get(self, room_id: RoomId) -> Room | None:
        found = self.get_many([room_id])
        return found[0] if found else None

    def get_many(self, room_ids: Sequence[RoomId]) -> list[Room]:
        with self._lock:
            held = [self._rooms.get(room_id) for room_id in room_ids]
        found = [each for each in held if each is not None]
        return [replace(each, metadata=nesting.readable(each.metadata)) for each in found]

    def member(self, room_id: RoomId, user_id: UserId) -> Member | None:
        with self._lock:
            return decisions.merged(self._held(room_id, user_id), weakness)

    def roles(self, user_id: UserId, room_ids: Sequence[RoomId]) -> dict[RoomId, Role]:
        found = ((room_id, self.member(room_id, user_id)) for room_id in room_ids)
        return {room_id: member.role for room_id, member in found if member is not None}

    def members(self, room_id: RoomId) -> list[Member]:
        with self._lock:
            items = self._members.partition(room_id)
        by_user = itertools.groupby(items, key=lambda item: of_regional_key(item[0])[0])
        merged = (
            decisions.merged([decision for _, decision in held], weakness) for _, held in by_user
        )
        return [member for member in merged if member is not None]

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        return [member.room_id for member in self.joined_since(user_id, 0)]

    def slice_of(self, user_id: UserId, after: RoomId, most: int) -> Slice[RoomId, Member]:
        return sliced({each.room_id: each for each in self.joined_since(user_id, 0)}, after, most)

    def joined_since(self, user_id: UserId, at_ms: int) -> list[Member]:
        with self._lock:
            rooms = [RoomId(room) for room in self._members.partitions()]
            held = [decisions.merged(self._held(room, user_id), weakness) for room in rooms]
        return [each for each in held if each is not None and each.joined_at_ms >= at_ms]

    def add_member(self, member: Member) -> bool:
        with self._lock:
            held = self._held(member.room_id, member.user_id)
            if decisions.merged(held, weakness) is not None:
                return False
            self._decide(decisions.addition(held, self._region, member))
            return True

    def remove_member(self, room_id: RoomId, user_id: UserId) -> bool:
        with self._lock:
            held = self._held(room_id, user_id)
            member = decisions.merged(held, weakness)
            if member is None:
                return False
            if self._several:
                self._decide(decisions.removal(held, self._region, member))
            else:
                self._members.delete(room_id, user_id)
            return True

    def removed(self, room_id: RoomId, user_id: UserId) -> Member | None:
        with self._lock:
            return decisions.removed(self._held(room_id, user_id))

    def _decide(self, decision: Decision[Member]) -> None:
        room_id, user_id = decision.value.room_id, decision.value.user_id
        self._members.put(room_id, regional_key(user_id, decision.region), decision)

    def _held(self, room_id: RoomId, user_id: UserId) -> Held:
        """All decisions on a membership. Only several regions have others than the shared one."""
        writers = (None, *self._regions)
        items = (self._members.get(room_id, regional_key(user_id, each)) for each in writers)
        return [each for each in items if each is not None]
