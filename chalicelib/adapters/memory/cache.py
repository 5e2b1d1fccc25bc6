"""The in-memory twin of Redis: the same guarantees, and switches to stop or empty it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...model.access import PAID, Charge, Paid
from ...model.connections import FrameContext, Target, Viewers
from ...model.delivery import ROOM_SHARE, Delivering, most_taken
from ...model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ...model.log import Entry
from ...model.metrics import Traffic
from ...model.rooms import LARGE, LargeRoom, SmallRoom
from ...ports.presence import ELSEWHERE_S
from .buckets import Buckets, take
from .leases import MemoryLeases
from .lines import MemoryLines
from .membership import ROOM_MS, MemoryMembership
from .registry import CONNECTION_MS, ONLINE_MS

TYPING_MS, RECENT = 30_000, 50
BUDGET_MS = 60_000  # the bucket is full again long before it expires
OUTCOMES_MS = 20_000
LIMITS_MS, ACK_MS = 3_600_000, 3_600_000


@dataclass
class _Joined:
    """Joined connections by user; `complete` after `fill_joined`.

    Attributes:
        replication: Of the primary node on which it was begun.
    """

    replication: int
    targets: dict[UserId, dict[ConnectionId, Target]] = field(default_factory=dict)
    complete: bool = False


class MemoryCache(MemoryMembership, MemoryLines, MemoryLeases):
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

    def spend(self, charge: Charge) -> Paid:
        with self._call():
            return self._spend(charge)

    def spend_for_address(self, address: str, charge: Charge) -> Paid:
        with self._call():
            return self._spend_from(f"addresses:{address}", charge)

    def note_revoked(self, user_id: UserId, until_ms: int) -> None:
        with self._call():
            key = f"revoked:{user_id}"
            self._put(key, max(until_ms, self._get(key) or 0), LIMITS_MS)

    def owner(self, connection_id: ConnectionId) -> UserId | None:
        with self._call():
            entry = self._get(f"connection:{connection_id}")
            return entry["connection"].user_id if entry is not None else None

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        turn_region: Region | None,
        charge: Charge | None = None,
    ) -> FrameContext:
        with self._call():
            paid = self._spend(charge) if charge is not None else PAID
            version = self._version(room_id) if room_id is not None else None
            turn = None
            if room_id is not None and turn_region is not None:
                rate = charge.room if charge is not None else None
                payer = (charge.payer if charge is not None else None) or ""
                drawn = self._draw((room_id, turn_region), rate, payer)
                turn = replace(drawn, room=self._small(room_id))
            entry = self._get(f"connection:{connection_id}")
            if entry is None:
                return FrameContext(None, None, version, turn, paid)
            self._put(f"connection:{connection_id}", entry, CONNECTION_MS)
            granted, role = entry["grants"].get(room_id, (None, None))
            member = None
            if room_id is not None and charge is not None and charge.payer is not None:
                member = (self._get(f"room:{room_id}:members") or {}).get(charge.payer)
            current = role if granted is not None and granted == version else member
            noted_ms = entry.get("heard", 0)
            return FrameContext(entry["connection"], current, version, turn, paid, noted_ms)

    def join(self, room_id: RoomId, target: Target) -> bool:
        with self._call():
            joined = self._joined(room_id)
            held = joined.targets.setdefault(target.user_id, {})
            first = not held
            held[target.connection_id] = target
            if self._get(f"room:{room_id}:joined") is None:
                self._put(f"room:{room_id}:joined", joined, ROOM_MS)
            return first

    def leave(self, room_id: RoomId, target: Target) -> bool | None:
        with self._call():
            left = self._get(f"room:{room_id}:left") or 0
            self._put(f"room:{room_id}:left", left + 1, ROOM_MS)
            joined = self._joined(room_id)
            held = joined.targets.get(target.user_id, {})
            if not held and not joined.complete:
                return None
            if held.pop(target.connection_id, None) is None or held:
                return False
            del joined.targets[target.user_id]
            if not joined.targets and not joined.complete:
                self._drop(f"room:{room_id}:joined")
            return True

    def joined(self, room_id: RoomId) -> Viewers:
        with self._call():
            joined = self._joined(room_id)
            _, members = self._members(room_id)
            targets = [target for held in joined.targets.values() for target in held.values()]
            return Viewers(
                targets=tuple(targets) if joined.complete else None,
                members=frozenset(members.keys() & joined.targets) if members is not None else None,
                as_of=self._as_of(room_id),
            )

    def fill_joined(self, room_id: RoomId, as_of: str, targets: Iterable[Target]) -> bool:
        with self._call():
            if self._as_of(room_id) != as_of:
                return False
            joined = self._joined(room_id)
            for target in targets:
                joined.targets.setdefault(target.user_id, {})[target.connection_id] = target
            joined.complete = True
            self._put(f"room:{room_id}:joined", joined, ROOM_MS)
            return True

    def deliver(self, room_id: RoomId, entries: Sequence[Entry]) -> Delivering:
        with self._call():
            self._cache_recent(room_id, entries)
            self._count(len(entries))
            version, members = self._members(room_id)
            if version is not None and members is not None and len(members) > LARGE:
                return Delivering(version, LargeRoom(room_id, version, len(members)))
            return Delivering(version, members)

    def recent(self, room_ids: Sequence[RoomId]) -> dict[RoomId, list[Entry]]:
        with self._call():
            found = {room: self._get(f"conversation:{room}:recent") or {} for room in room_ids}
            return {room: list(recent.values()) for room, recent in found.items()}

    def start_typing(self, room_id: RoomId, user_id: UserId, at_ms: int, again_ms: int) -> bool:
        with self._call():
            key = f"typing:{room_id}"
            held: dict[UserId, tuple[int, int]] = self._get(key) or {}
            since, told = held.get(user_id, (0, 0))
            if since > at_ms:
                return False
            tells = at_ms - told >= again_ms
            self._put(key, {**held, user_id: (at_ms, at_ms if tells else told)}, TYPING_MS)
            return tells

    def stop_typing(self, room_id: RoomId, user_id: UserId, at_ms: int) -> bool:
        with self._call():
            held: dict[UserId, tuple[int, int]] = self._get(f"typing:{room_id}") or {}
            since, _ = held.get(user_id, (0, 0))
            if not since or since > at_ms:
                return False
            del held[user_id]
            return True

    def newest_view(self, room_id: RoomId, user_id: UserId, at_ms: int) -> bool:
        with self._call():
            key = f"views:elsewhere:{room_id}"
            held: dict[UserId, int] = self._get(key) or {}
            if held.get(user_id, at_ms) > at_ms:
                return False
            self._put(key, {**held, user_id: at_ms}, ROOM_MS)
            return True

    def elsewhere(self, user_ids: Sequence[UserId]) -> dict[UserId, frozenset[Region]]:
        with self._call():
            held = {each: self._get(f"user:elsewhere:{each}") for each in user_ids}
            return {user_id: found for user_id, found in held.items() if found is not None}

    def note_elsewhere(self, regions: Mapping[UserId, frozenset[Region]]) -> None:
        with self._call():
            for user_id, found in regions.items():
                self._put(f"user:elsewhere:{user_id}", found, ELSEWHERE_S * 1000)

    def forget_elsewhere(self, user_id: UserId) -> None:
        with self._call():
            self._drop(f"user:elsewhere:{user_id}")

    def lease_posts(self, wanted: int, rate_per_s: int, room_id: RoomId | None = None) -> int:
        with self._call():
            level = self._filled("posts:budget", rate_per_s)
            granted = min(wanted, int(level))
            if room_id is not None:
                key, share = f"{{posts:budget}}:{room_id}", max(1, rate_per_s // ROOM_SHARE)
                own = self._filled(key, share)
                within = min(wanted, int(own), int(level))
                beyond = int(max(0.0, level - within - rate_per_s / 2))
                granted = within + min(wanted - within, beyond)
                self._put(key, (own - within, self._clock.now_ms()), BUDGET_MS)
            self._put("posts:budget", (level - granted, self._clock.now_ms()), BUDGET_MS)
            return granted

    def note_posts(self, taken: int, refused: int) -> None:
        with self._call():
            window = self._clock.now_ms() // 10_000
            held: dict[int, tuple[int, int]] = self._get("posts:outcomes") or {}
            before = held.get(window, (0, 0))
            counts = {window: (before[0] + taken, before[1] + refused)}
            if window - 1 in held:
                counts[window - 1] = held[window - 1]
            self._put("posts:outcomes", counts, OUTCOMES_MS)

    def posts_pass(self) -> bool:
        with self._call():
            counts = (self._get("posts:outcomes") or {}).values()
            return most_taken(sum(taken for taken, _ in counts), sum(r for _, r in counts))

    def tally(self, name: str, seconds: int) -> int:
        with self._call():
            count = int(self._get(f"tally:{name}") or 0) + 1
            self._put(f"tally:{name}", count, seconds * 1000)
            return count

    def forget(self, name: str) -> None:
        with self._call():
            self._put(f"tally:{name}", 0, 0)

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

    def _spend(self, charge: Charge) -> Paid:
        assert charge.payer is not None, "the user is known before anything is charged"
        paid = self._spend_from(f"limits:{charge.payer}", charge)
        return replace(paid, revoked_ms=self._get(f"revoked:{charge.payer}") or 0)

    def _spend_from(self, key: str, charge: Charge) -> Paid:
        buckets: Buckets = dict(self._get(key) or {})
        paid = take(buckets, charge, self._clock.now_ms())
        self._put(key, buckets, LIMITS_MS)
        return paid

    def _cache_recent(self, room_id: RoomId, entries: Sequence[Entry]) -> None:
        if entries:
            key = f"conversation:{room_id}:recent"
            recent = dict(self._get(key) or {})
            for entry in entries:
                held = recent.get(entry.message_id)
                if held is None or not held.deleted:
                    recent[entry.message_id] = entry
            self._put(key, {each: recent[each] for each in sorted(recent)[-RECENT:]}, ROOM_MS)

    def _count(self, delivered: int) -> None:
        if delivered:
            messages, since_ms = self._get("stats:traffic") or (0, None)
            self._put("stats:traffic", (messages + delivered, since_ms), LIMITS_MS)

    def _small(self, room_id: RoomId) -> SmallRoom | None:
        version, members = self._members(room_id)
        if version is None or members is None or not 0 < len(members) <= LARGE:
            return None
        return SmallRoom(version, tuple(members))

    def _version(self, room_id: RoomId) -> str:
        """The room's version, made if there is none."""
        version = self._get(f"room:{room_id}:version")
        if version is None:
            version = self._ids.token()
            self._put(f"room:{room_id}:version", version, ROOM_MS)
            self._drop(f"room:{room_id}:members")
        return str(version)

    def _joined(self, room_id: RoomId) -> _Joined:
        """The room's audience; what another primary node has left of it is dropped."""
        joined: _Joined | None = self._get(f"room:{room_id}:joined")
        if joined is not None and joined.replication == self._replication:
            return joined
        self._drop(f"room:{room_id}:joined")
        return _Joined(self._replication)

    def _as_of(self, room_id: RoomId) -> str:
        return f"{self._get(f'room:{room_id}:left') or 0}|{self._replication}"

    def _filled(self, key: str, rate: int) -> float:
        """The level of a bucket of one second's rate, now."""
        now_ms = self._clock.now_ms()
        level, at_ms = self._get(key) or (float(rate), now_ms)
        return float(min(rate, level + max(0, now_ms - at_ms) * rate / 1000))
