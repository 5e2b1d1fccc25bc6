"""The twin of read markers: see `ports.Markers`."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence

from ...model.identifiers import MessageId, Region, RoomId, UserId
from ...model.receipts import Marker, Reading, furthest, joined, moved


class MemoryMarkers:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._markers: dict[tuple[RoomId, UserId, Region], Marker] = {}

    def move(self, room_id: RoomId, region: Region, marker: Marker) -> Marker | None:
        key = room_id, marker.user_id, region
        with self._lock:
            held = self._markers.get(key)
            self._markers[key] = moved(held, marker)
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
                    found[room_id] = functools.reduce(joined, known)
        return found

    def note(self, room_id: RoomId, region: Region, reading: Reading, large: bool) -> None:
        """Nothing to do: `furthest` reads all markers."""

    def readings(self, room_id: RoomId, most: int) -> list[Reading] | None:
        with self._lock:
            found = self._readings(room_id, None)
        return found if len(found) <= most else None

    def furthest(
        self, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, tuple[Reading, ...]]:
        with self._lock:
            return {room: furthest(self._readings(room, regions)) for room in room_ids}

    def counts(self, room_id: RoomId, message_ids: Sequence[MessageId]) -> list[int]:
        with self._lock:
            readings = self._readings(room_id, None)
        return [
            len({each.user_id for each in readings if each.message_id >= message_id})
            for message_id in message_ids
        ]

    def _readings(self, room_id: RoomId, regions: Sequence[Region] | None) -> list[Reading]:
        return [
            marker.reading
            for (room, _, region), marker in self._markers.items()
            if room == room_id and (regions is None or region in regions)
        ]
