"""The in-memory twin of Redis: the same guarantees, and switches to stop or empty it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...model.access import Charge
from ...model.connections import FrameContext, Target
from ...model.delivery import Delivering
from ...model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ...model.log import Entry
from ...model.metrics import Traffic
from ...model.rooms import LARGE, LargeRoom
from .membership import ROOM_MS, MemoryMembership
from .registry import CONNECTION_MS, ONLINE_MS

TYPING_MS, RECENT = 30_000, 50
BUDGET_MS = 60_000  # the bucket is full again long before it expires
LIMITS_MS, ACK_MS = 3_600_000, 3_600_000


@dataclass
class _Joined:
    """Joined connections by user; `complete` after `fill_joined`."""

    targets: dict[UserId, dict[ConnectionId, Target]] = field(default_factory=dict)
    complete: bool = False


class MemoryCache(MemoryMembership):
    """See `ports.Cache`."""

    def claim(self, name: str, seconds: int) -> bool:
        with self._call():
            if self._get(f"claim:{name}"):
                return False
            self._put(f"claim:{name}", True, seconds * 1000)
            return True

    def expect_acks(self, messages: Mapping[int, tuple[RoomId, MessageId]]) -> None:
        with self._call():
            for number, message in messages.items():
                self._put(f"ack:{number}", message, ACK_MS)

    def acked(self, ack_id: int) -> tuple[RoomId, MessageId] | None:
        with self._call():
            held: tuple[RoomId, MessageId] | None = self._get(f"ack:{ack_id}")
            return held

    def spend(self, charge: Charge) -> int:
        with self._call():
            return self._spend(charge, f"limits:{charge.payer}")

    def return_ticket(self, room_id: RoomId, region: Region, ticket: int) -> None:
        with self._call():
            key = f"room:{room_id}:ticket:{region}"
            if self._get(key) == ticket:
                self._put(key, ticket - 1, ROOM_MS)

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        ticket_region: Region | None,
        charge: Charge | None = None,
    ) -> FrameContext:
        with self._call():
            wait_ms = 0
            if charge is not None and charge.payer is not None:
                wait_ms = self._spend(charge, f"limits:{charge.payer}")
            elif charge is not None and self._get(f"connection:{connection_id}") is not None:
                wait_ms = self._spend(charge, f"connection:{connection_id}:limits")
            version = self._get(f"room:{room_id}:version") if room_id is not None else None
            ticket = None
            if room_id is not None and ticket_region is not None:
                key = f"room:{room_id}:ticket:{ticket_region}"
                ticket = (self._get(key) or 0) + 1
                self._put(key, ticket, ROOM_MS)
            entry = self._get(f"connection:{connection_id}")
            if entry is None:
                return FrameContext(None, None, version, ticket, wait_ms)
            self._put(f"connection:{connection_id}", entry, CONNECTION_MS)
            granted, role = entry["grants"].get(room_id, (None, None))
            current = role if granted is not None and granted == version else None
            return FrameContext(entry["connection"], current, version, ticket, wait_ms)

    def set_ticket(self, room_id: RoomId, region: Region, seq: int) -> None:
        with self._call():
            self._put(f"room:{room_id}:ticket:{region}", seq, ROOM_MS)

    def join(self, room_id: RoomId, target: Target) -> bool:
        with self._call():
            joined = self._joined(room_id)
            held = joined.targets.setdefault(target.user_id, {})
            first = not held
            held[target.connection_id] = target
            self._put(f"room:{room_id}:joined", joined, ROOM_MS)
            return first

    def leave(self, room_id: RoomId, target: Target) -> bool:
        with self._call():
            joined = self._joined(room_id)
            held = joined.targets.get(target.user_id, {})
            if held.pop(target.connection_id, None) is None or held:
                return False
            del joined.targets[target.user_id]
            return True

    def joined(self, room_id: RoomId) -> list[Target] | None:
        with self._call():
            joined = self._joined(room_id)
            if not joined.complete:
                return None
            return [target for held in joined.targets.values() for target in held.values()]

    def fill_joined(self, room_id: RoomId, targets: Iterable[Target]) -> None:
        with self._call():
            joined = self._joined(room_id)
            for target in targets:
                joined.targets.setdefault(target.user_id, {})[target.connection_id] = target
            joined.complete = True
            self._put(f"room:{room_id}:joined", joined, ROOM_MS)

    def deliver(self, room_id: RoomId, entries: Sequence[Entry]) -> Delivering:
        with self._call():
            key = f"conversation:{room_id}:recent"
            recent = {**(self._get(key) or {}), **{each.message_id: each for each in entries}}
            if entries:
                messages, since_ms = self._get("stats:traffic") or (0, None)
                self._put("stats:traffic", (messages + len(entries), since_ms), LIMITS_MS)
                self._put(key, {each: recent[each] for each in sorted(recent)[-RECENT:]}, ROOM_MS)
            version, members = self._members(room_id)
            if version is not None and members is not None and len(members) > LARGE:
                return Delivering(version, LargeRoom(room_id, version, len(members)))
            return Delivering(version, members)

    def recent(self, room_ids: Sequence[RoomId]) -> dict[RoomId, list[Entry]]:
        with self._call():
            found = {room: self._get(f"conversation:{room}:recent") or {} for room in room_ids}
            return {room: list(recent.values()) for room, recent in found.items()}

    def typing(self, room_id: RoomId, user_id: UserId, started_ms: int | None) -> None:
        with self._call():
            since = self._get(f"typing:{room_id}") or {}
            if started_ms is None:
                since.pop(user_id, None)
            else:
                since[user_id] = max(started_ms, since.get(user_id, started_ms))
                self._put(f"typing:{room_id}", since, TYPING_MS)

    def typing_since(self, room_id: RoomId, user_id: UserId) -> int | None:
        with self._call():
            since: dict[UserId, int] = self._get(f"typing:{room_id}") or {}
            return since.get(user_id)

    def lease_posts(self, wanted: int, rate_per_s: int, now_ms: int) -> int:
        with self._call():
            level, at_ms = self._get("posts:budget") or (float(rate_per_s), now_ms)
            level = min(float(rate_per_s), level + max(0, now_ms - at_ms) * rate_per_s / 1000)
            granted = min(wanted, int(level))
            self._put("posts:budget", (level - granted, max(now_ms, at_ms)), BUDGET_MS)
            return granted

    def note_connections(self, count: int) -> None:
        with self._call():
            self._put("stats:connections", count, ONLINE_MS)

    def traffic(self, now_ms: int) -> Traffic:
        with self._call():
            messages, since_ms = self._get("stats:traffic") or (0, None)
            self._put("stats:traffic", (0, now_ms), LIMITS_MS)
            seconds = (now_ms - since_ms) / 1000 if since_ms is not None else None
            return Traffic(self._get("stats:connections"), messages, seconds)

    def ping(self) -> None:
        with self._call():
            return

    def _spend(self, charge: Charge, key: str) -> int:
        buckets: dict[str, tuple[float, int]] = self._get(key) or {}
        level, at_ms = buckets.get(charge.name, (float(charge.burst), charge.now_ms))
        gained = max(0, charge.now_ms - at_ms) * charge.per_s / 1000
        level = min(float(charge.burst), level + gained)
        if level < 1:
            return math.ceil((1 - level) * 1000 / charge.per_s)
        buckets[charge.name] = (level - 1, max(charge.now_ms, at_ms))
        self._put(key, buckets, LIMITS_MS)
        return 0

    def _joined(self, room_id: RoomId) -> _Joined:
        joined: _Joined | None = self._get(f"room:{room_id}:joined")
        return joined or _Joined()
