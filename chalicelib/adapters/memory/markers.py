"""The twin of read markers: see `ports.Markers`."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ...model.identifiers import MessageId, Region, RoomId, UserId
from ...model.receipts import Marker


class MemoryMarkers:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._markers: dict[tuple[RoomId, UserId, Region], Marker] = {}

    def move(self, room_id: RoomId, region: Region, marker: Marker) -> Marker | None:
        key = room_id, marker.user_id, region
        with self._lock:
            held = self._markers.get(key)
            if held is None or held.message_id < marker.message_id:
                self._markers[key] = marker
            return held

    def of_user(
        self, user_id: UserId, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, Marker]:
        found: dict[RoomId, Marker] = {}
        with self._lock:
            for room_id in room_ids:
                held = [self._markers.get((room_id, user_id, region)) for region in regions]
                known = [marker for marker in held if marker is not None]
                if known:
                    found[room_id] = max(known, key=lambda marker: marker.message_id)
        return found

    def of_room(self, room_id: RoomId, limit: int) -> list[Marker]:
        furthest: dict[UserId, Marker] = {}
        with self._lock:
            for (room, user_id, _), marker in sorted(self._markers.items()):
                held = furthest.get(user_id, marker)
                if room == room_id:
                    furthest[user_id] = max(held, marker, key=lambda each: each.message_id)
        return list(furthest.values())[:limit]

    def count(self, room_id: RoomId, message_id: MessageId) -> int:
        return sum(each.message_id >= message_id for each in self.of_room(room_id, 10**9))
