"""Delivery: from a durable entry to a post at every device. Planned as data, then executed.

Order. `delivery.fifo` serves one batch of a group at a time. Senders may queue their jobs in
another order than they wrote the log in, so a worker delivers from the stream's cursor up to
the job's entry, reading what lies between from the log, and skips what the cursor has passed:
the queue says *that* there is something, the log says *what*. Large rooms are split into parts,
a connection always in the same part (group room#k). A connection that does not take a post
gets its own group (c#connection) until it has caught up, so nobody waits for it and its own
order holds; when it stays deaf it is closed, and comes back with its position.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from . import events, ids, protocol, telemetry
from .connections import Connections, target_from_json, target_to_json
from .errors import CacheDown
from .events import Event
from .messages import Messages, entry_from_json, entry_to_json
from .model import (
    ConnectionId,
    Entry,
    EntryKind,
    Job,
    Outcome,
    Post,
    Region,
    RoomId,
    Target,
    UserId,
)
from .ports import Cache, Clock, Cursors, Poster, Queue
from .rooms import Rooms

PARTS = 16
PART_TARGETS = 400
CHUNK = 1_000
STAY_SPLIT_MS = 3_600_000
SLOW_MS = 60_000
RETRY_DELAYS_S = (1, 2, 4)
RECEIPTS_UP_TO = 100


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a set of posts: counts, and the targets to try again."""

    delivered: int
    gone: int
    refused: int
    retry: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a large room's delivery: the order group it goes to, and whom it serves."""

    group: str
    targets: tuple[Target, ...]


def plan_parts(room_id: RoomId, targets: Sequence[Target]) -> list[Part]:
    """Split targets: by a stable hash of the connection, so that each keeps its order group."""
    buckets: dict[int, list[Target]] = {}
    for target in targets:
        buckets.setdefault(zlib.crc32(target.connection_id.encode()) % PARTS, []).append(target)
    return [
        Part(f"{room_id}#{k}", tuple(bucket[start : start + PART_TARGETS]))
        for k, bucket in sorted(buckets.items())
        for start in range(0, len(bucket), PART_TARGETS)
    ]


def posts_for(event: Event, targets: Iterable[Target]) -> list[Post]:
    """One post a target that takes it; the event is encoded once a protocol."""
    encoded: dict[str, bytes | None] = {}
    posts = []
    for target in targets:
        if target.protocol not in encoded:
            encoded[target.protocol] = protocol.encode(target.protocol, event)
        frame = encoded[target.protocol]
        if frame is not None:
            posts.append(Post(target, frame))
    return posts


def asked(entry: Entry, target: Target) -> bool:
    """Whether a device is asked to ack a message: its sender wants that, and it is not his.

    With JSON there are no acks: the client sees that a receipt is wanted, and sends the action.
    """
    name = events.name_of_messages(entry.room_id)
    return (
        entry.delivery_receipt
        and entry.sender_id != target.user_id
        and not protocol.is_json(target.protocol)
        and protocol.takes(target.protocol, name)
    )


class Delivery:
    def __init__(
        self,
        *,
        rooms: Rooms,
        messages: Messages,
        connections: Connections,
        cache: Cache,
        cursors: Cursors,
        poster: Poster,
        queue: Queue,
        outbound: Queue,
        dead: Queue,
        outbound_dead: Queue,
        clock: Clock,
        split_over: int,
    ) -> None:
        self._rooms = rooms
        self._messages = messages
        self._connections = connections
        self._cache = cache
        self._cursors = cursors
        self._poster = poster
        self._queue = queue
        self._outbound = outbound
        self._dead = dead
        self._outbound_dead = outbound_dead
        self._clock = clock
        self._split_over = split_over

    def entries(self, jobs: Sequence[Mapping[str, Any]]) -> None:
        """Deliver log entries of a room, and earlier ones of their streams not yet delivered."""
        streams: dict[Region, dict[int, Entry]] = {}
        for job in jobs:
            entry = entry_from_json(job["entry"])
            streams.setdefault(entry.region, {})[entry.seq] = entry
        for known in streams.values():
            self._stream(known)

    def _stream(self, known: Mapping[int, Entry]) -> None:
        """Deliver a stream from its cursor up to the newest of these entries, by seq."""
        newest = known[max(known)]
        room_id, region = newest.room_id, newest.region
        done, split_at_ms = self._cursors.get(room_id, region) or (0, 0)
        if newest.seq <= done:
            return
        if all(seq in known for seq in range(done + 1, newest.seq)):
            entries = [known[seq] for seq in range(done + 1, newest.seq + 1)]
        else:
            entries = self._messages.entries_between(room_id, region, done, newest.seq)
        members, slow = self._begin(room_id, entries)
        entries = self._expecting(entries, len(members))
        targets = self._connected(members)
        now_ms = self._clock.now_ms()
        if len(targets) > self._split_over or now_ms - split_at_ms < STAY_SPLIT_MS:
            self._queue.send(list(self._part_jobs(entries, targets)))
            split_at_ms = now_ms if len(targets) > self._split_over else split_at_ms
        else:
            for entry in entries:
                slow |= self._deliver(entry, _without(targets, entry.origin_id), slow)
        self._cursors.advance(room_id, region, newest.seq, split_at_ms)
        now_ms = self._clock.now_ms()
        telemetry.measure(
            "delivered",
            now_ms,
            entries_delivered=len(entries),
            delivery_latency_ms=max(0, now_ms - entries[0].timestamp_ms),
        )

    def part(self, job: Mapping[str, Any]) -> None:
        """Deliver one share of a large room."""
        entry = entry_from_json(job["entry"])
        targets = [target_from_json(target) for target in job["targets"]]
        self._deliver(entry, targets, self._slow(entry.room_id))

    def direct(self, job: Mapping[str, Any], attempt: int) -> int | None:
        """Try one slow connection again; answers the seconds to wait, None when settled.

        After the third retry the connection is closed: it missed something, and only coming
        back with its position tells it what. The job goes to the dead-letter queue.
        """
        entry, target = entry_from_json(job["entry"]), target_from_json(job["target"])
        receipt = self._post(posts_for(events.of_entry(entry), [target]))
        if not receipt.retry:
            self._ask(entry, [target])
            return None
        if attempt <= len(RETRY_DELAYS_S):
            self._mark_slow(entry.room_id, target)
            return RETRY_DELAYS_S[attempt - 1]
        self._dead.send([_direct_job(entry, target)])
        self._poster.close(target)
        self._connections.close(target.connection_id)
        telemetry.log("WARNING", "deaf_connection_closed", target=target.connection_id)
        return None

    def room_updated(self, job: Mapping[str, Any]) -> None:
        """Tell all members' devices of a change of membership, void caches, end a kicked view."""
        room_id, user_id = RoomId(job["room_id"]), UserId(job["user_id"])
        try:
            self._rooms.changed(room_id)
        except CacheDown:
            telemetry.log("WARNING", "membership_bump_failed", room_id=room_id)
        change, at_ms = job["change"], job["at_ms"]
        targets = self._connected(self._rooms.members(room_id))
        if change == "member_removed":
            own = self._connections.of_users([user_id])
            for target in own:
                self._connections.left_room(room_id, target)
            targets = targets + [t for t in own if t not in targets]
            left = events.presence_in_room("user_left", room_id, user_id, at_ms)
            self._post(posts_for(left, self._connections.audience(room_id)))
        update = events.room_updated(room_id, change, user_id, at_ms)
        self._settle(posts_for(update, targets), update)

    def ephemeral(self, room_id: RoomId, event: Event, exclude: str | None, keep: bool) -> None:
        """Tell those who joined the room; with `keep` a failed post is tried again."""
        targets = _without(self._connections.audience(room_id), exclude)
        posts = posts_for(event, targets)
        if keep:
            self._settle(posts, event)
        else:
            self._post(posts)

    def tell(self, users: Iterable[UserId], event: Event, exclude: str | None = None) -> None:
        """Post an event that is in no log to all devices of these users."""
        targets = _without(self._connected(users), exclude)
        self._settle(posts_for(event, targets), event)

    def retry(self, job: Mapping[str, Any]) -> None:
        """One connection's retry of an event that is in no log; then the dead-letter queue."""
        event, target = Event(job["name"], job["data"]), target_from_json(job["target"])
        attempt = job["attempt"]
        receipt = self._post(posts_for(event, [target]))
        if not receipt.retry:
            return
        if attempt < len(RETRY_DELAYS_S):
            self._outbound.send([_retry_job(event, target, attempt + 1)])
        else:
            self._outbound_dead.send([_retry_job(event, target, attempt)])

    def _settle(self, posts: Sequence[Post], event: Event) -> None:
        receipt = self._post(posts)
        if receipt.retry:
            self._outbound.send([_retry_job(event, target, 0) for target in receipt.retry])

    def _deliver(
        self, entry: Entry, targets: Sequence[Target], slow: Set[ConnectionId]
    ) -> set[ConnectionId]:
        """Post an entry; slow connections go to their own group, as do those that fail now.

        Answers the latter. Sockets that can recover are always served by theirs.
        """
        event = events.of_entry(entry)
        recovering = [target for target in targets if protocol.recovers(target.protocol)]
        told = [each for each in recovering if protocol.takes(each.protocol, event.name)]
        if told:
            self._queue.send([_recovery_job(entry, target) for target in told])
        targets = [target for target in targets if not protocol.recovers(target.protocol)]
        ready = [target for target in targets if target.connection_id not in slow]
        receipt = self._post(posts_for(event, ready))
        self._ask(entry, [target for target in ready if target not in receipt.retry])
        for target in receipt.retry:
            self._mark_slow(entry.room_id, target)
        behind = [t for t in targets if t.connection_id in slow] + list(receipt.retry)
        if behind:
            self._queue.send([_direct_job(entry, target) for target in behind])
        return {target.connection_id for target in receipt.retry}

    def expect(self, entries: Sequence[Entry]) -> None:
        """Acks of these, where their senders want them, will be understood for an hour."""
        wanted = {
            ids.ack_id(entry.room_id, entry.message_id): (entry.room_id, entry.message_id)
            for entry in entries
            if entry.delivery_receipt
        }
        try:
            if wanted:
                self._cache.expect_acks(wanted)
        except CacheDown:
            telemetry.log("WARNING", "acks_not_expected")

    def _expecting(self, entries: list[Entry], members: int) -> list[Entry]:
        """The entries as they are sent: in a large room nobody is asked for receipts."""
        if not any(entry.delivery_receipt for entry in entries):
            return entries
        if members > RECEIPTS_UP_TO:
            return [replace(entry, delivery_receipt=False) for entry in entries]
        self.expect(entries)
        return entries

    def _ask(self, entry: Entry, targets: Iterable[Target]) -> None:
        """Ask for acks of a message that was posted. A question that gets lost is not asked again.

        It is an event of its own: a client that recovers does not note the offset of an event that
        asks for an ack.
        """
        told = [target for target in targets if asked(entry, target)]
        if told:
            self._post(posts_for(events.delivery_receipt(entry), told))

    def _post(self, posts: Sequence[Post]) -> Receipt:
        delivered, gone, refused, retry = 0, 0, 0, []
        if not posts:
            return Receipt(0, 0, 0, ())
        for post, outcome in zip(posts, self._poster.post(posts), strict=True):
            if outcome is Outcome.DELIVERED:
                delivered += 1
            elif outcome is Outcome.TOO_LARGE:
                refused += 1
            elif outcome is Outcome.GONE and self._connections.gone(post.target):
                gone += 1
            else:
                retry.append(post.target)
        telemetry.measure(
            "posted",
            self._clock.now_ms(),
            posts_delivered=delivered,
            posts_gone=gone,
            posts_refused=refused,
            posts_to_retry=len(retry),
        )
        return Receipt(delivered, gone, refused, tuple(retry))

    def _part_jobs(self, entries: Sequence[Entry], targets: Sequence[Target]) -> Iterable[Job]:
        for entry in entries:
            parts = plan_parts(entry.room_id, _without(targets, entry.origin_id))
            for number, part in enumerate(parts):
                body = {
                    "entry": entry_to_json(entry),
                    "targets": [target_to_json(target) for target in part.targets],
                }
                dedupe = f"{entry.region}#{entry.seq}#{entry.message_id}#{number}"
                yield Job("part", body, group=part.group, dedupe=dedupe)

    def _begin(
        self, room_id: RoomId, entries: Sequence[Entry]
    ) -> tuple[Collection[UserId], set[ConnectionId]]:
        """The room's members and slow connections; caches the entries on the way."""
        try:
            known = self._cache.deliver(room_id, self._as_shown(entries), self._clock.now_ms())
        except CacheDown:
            telemetry.log("WARNING", "recent_not_cached")
            return self._rooms.members(room_id), set()
        if known.members is None:
            return self._rooms.fill(room_id, known.version), set(known.slow)
        return known.members, set(known.slow)

    def _as_shown(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries, and messages they delete in their new shape."""
        shown = list(entries)
        for entry in entries:
            if entry.kind is EntryKind.DELETION and entry.target_id is not None:
                deleted = self._messages.find(entry.room_id, entry.target_id)
                shown += [deleted] if deleted is not None else []
        return shown

    def _connected(self, members: Iterable[UserId]) -> list[Target]:
        """All their connections: from Redis, or read from the store when it cannot say."""
        users = sorted(members)
        found: list[Target] = []
        for start in range(0, len(users), CHUNK):
            chunk = users[start : start + CHUNK]
            try:
                online = self._cache.online(chunk)
            except CacheDown:
                online = None
            if online is None:
                found += self._connections.of_users(chunk)
            else:
                found += [target for targets in online.values() for target in targets]
        return found

    def _slow(self, room_id: RoomId) -> set[ConnectionId]:
        try:
            return self._cache.slow_ones(room_id, self._clock.now_ms())
        except CacheDown:
            return set()

    def _mark_slow(self, room_id: RoomId, target: Target) -> None:
        try:
            until_ms = self._clock.now_ms() + SLOW_MS
            self._cache.slow(room_id, target.connection_id, until_ms)
        except CacheDown:
            telemetry.log("WARNING", "slow_not_marked")


def _direct_job(entry: Entry, target: Target) -> Job:
    body = {"entry": entry_to_json(entry), "target": target_to_json(target)}
    dedupe = f"c#{entry.region}#{entry.seq}#{target.connection_id}#{entry.message_id}"
    return Job("direct", body, group=f"c#{target.connection_id}", dedupe=dedupe)


def _recovery_job(entry: Entry, target: Target) -> Job:
    body = {"entry": entry_to_json(entry), "target": target_to_json(target)}
    dedupe = f"r#{entry.region}#{entry.seq}#{target.sid}#{entry.message_id}"
    return Job("recovery_entry", body, group=ids.socket_group(target.sid), dedupe=dedupe)


def _retry_job(event: Event, target: Target, attempt: int) -> Job:
    body = {
        "name": event.name,
        "data": event.data,
        "target": target_to_json(target),
        "attempt": attempt,
    }
    return Job("retry", body, delay_s=RETRY_DELAYS_S[min(attempt, len(RETRY_DELAYS_S) - 1)])


def _without(targets: Sequence[Target], origin: str | None) -> list[Target]:
    return [target for target in targets if target.origin != origin]
