"""What a returning socket has missed: its checkpoint, and the entries since its offset."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import wire
from ..contract import events
from ..kernel import telemetry
from ..kernel.errors import BadRequest, TidingsError
from ..membership.rooms import Rooms
from ..messaging import sizes
from ..messaging.reading import MessageReader
from ..model.connections import Target
from ..model.delivery import Cursor
from ..model.identifiers import RoomId, Stream, UserId
from ..model.log import Entry
from ..model.rooms import CLOCKS_MS
from ..model.sessions import Checkpoint, Trail
from ..ports.delivery import Cursors
from ..ports.log import Recents
from ..ports.sessions import CheckpointStore, Trails
from ..wire import offsets
from ..wire.offsets import RecoveryClaim

MOST_MISSED = 500  # entries that one recovery sends
POLLED_BYTES = 1_500_000  # of them, to a client that polls: what waits for a poll is bounded
MOST_STREAMS = 2_000  # streams that a checkpoint keeps


@dataclass(frozen=True, slots=True)
class Missed:
    """What a socket missed.

    Attributes:
        entries: In canonical order.
        reached: Up to which seq of each stream the socket has everything then.
    """

    pid: str
    entries: list[Entry]
    reached: Mapping[Stream, int]


class MissedEntries:
    def __init__(
        self,
        store: CheckpointStore,
        rooms: Rooms,
        reader: MessageReader,
        cursors: Cursors,
        recents: Recents,
        trails: Trails,
    ) -> None:
        self._store = store
        self._trails = trails
        self._rooms = rooms
        self._reader = reader
        self._cursors = cursors
        self._recents = recents

    def checkpoint(
        self, user_id: UserId, target: Target, claim: RecoveryClaim | None
    ) -> Checkpoint | None:
        """Return the claimed checkpoint if it is this user's and the client knows its pid."""
        if claim is None:
            return None
        found = self._store.get(offsets.decode(claim.offset)[0])
        if found is None or found.user_id != user_id or found.protocol != target.protocol:
            return None
        return found if secrets.compare_digest(found.pid.encode(), claim.pid.encode()) else None

    def sendable(self, target: Target, offset: str, heads: Mapping[Stream, int]) -> Missed | None:
        """Return the same as `_missed`; None also when an entry cannot be read or encoded."""
        try:
            found = self._missed(target, offset, heads)
            for entry in found.entries if found is not None else ():
                wire.encode(target.protocol, events.of_entry(entry))
            return found
        except TidingsError:
            raise
        except Exception as fault:  # noqa: BLE001 - it would fail again; the client starts over
            telemetry.error("recovery_failed", fault)
            return None

    def _missed(self, target: Target, offset: str, heads: Mapping[Stream, int]) -> Missed | None:
        """Return what the socket missed since the offset; None if unknown.

        An offset can be used for entries only once: a client that shows it a second time may
        already have some of them, from a first answer that broke off. Of rooms that the user does
        not read, or not any more, an offset says nothing.
        """
        try:
            name, since = offsets.decode(offset)
        except BadRequest:
            return None
        found = self._store.get(name)
        if found is None or any(region not in self._reader.regions for _, region in since):
            return None
        seen = {**found.seen, **since}
        missed: list[Entry] = []
        reached = dict(heads)
        for stream, head in heads.items():
            if self._is_foreign(stream):  # the socket may have seen more in another region
                reached[stream] = max(head, seen.get(stream, 0))
            entries = self._after(target, stream, seen.get(stream), head)
            if entries is None or len(missed) + len(entries) > MOST_MISSED:
                return None
            missed += entries
        allowed = set(self._rooms.among(target.user_id, list({e.room_id for e in missed})))
        missed = [e for e in missed if e.room_id in allowed and e.origin_id != target.sid]
        missed = self._reader.copies.not_had(missed, seen)
        if target.polls and sum(map(sizes.of_message, missed)) > POLLED_BYTES:
            return None
        if missed and not self._store.use(name, offset):
            return None
        return Missed(found.pid, sorted(missed, key=lambda entry: entry.message_id), reached)

    def _after(
        self, target: Target, stream: Stream, seen: int | None, head: int
    ) -> list[Entry] | None:
        """Return the entries of a stream after `seen`; None when the log does not have them all."""
        room_id, region = stream
        if seen is None:
            joined_ms = self._rooms.joined_ms(room_id, target.user_id)
            if not joined_ms or not head:
                return []
            since_ms, most = joined_ms - CLOCKS_MS, MOST_MISSED + 1
            entries = self._reader.entries_since(room_id, region, since_ms, most)
            return [each for each in entries if each.seq <= head]  # delivery posts what follows
        if seen >= head:
            return [] if seen == head or self._is_foreign(stream) else None
        if head - seen > MOST_MISSED:
            return None
        entries = self._reader.entries_between(room_id, region, seen, head)
        whole = len(entries) == head - seen or self._is_foreign(stream)
        return entries if whole else None

    def unsent(self, entry: Entry, trail: Trail) -> list[Entry] | None:
        """Return the entries up to this one that the socket has not been sent, oldest first.

        None if there are too many: its client starts over.

        Raises:
            CacheDown: It is not known what the socket was sent of the other streams.
        """
        if trail.seq is None:
            entries = self._since_joined(trail.target, entry)
        elif entry.seq == trail.seq + 1:
            return [entry]
        else:
            entries = self._reader.entries_between(
                entry.room_id, entry.region, trail.seq, entry.seq
            )
        if not entries or not self._reader.several:
            return entries
        sid = trail.target.sid
        sent = self._trails.sent([sid]).get(sid)
        return self._reader.copies.not_had(entries, sent.seen if sent is not None else {})

    def _since_joined(self, target: Target, entry: Entry) -> list[Entry] | None:
        """Return the entries up to this one since the user joined; None if there are too many.

        For a stream that the socket was never sent: of a room that is new to the user, or that the
        index of the user's rooms did not show yet when the socket connected.
        """
        joined_ms = self._rooms.joined_ms(entry.room_id, target.user_id)
        if not joined_ms or entry.seq == 1:
            return [entry]
        most = MOST_MISSED + 1
        entries = self._reader.entries_since(entry.room_id, entry.region, joined_ms, most)
        found = [each for each in entries if each.seq <= entry.seq]
        return found if len(found) <= MOST_MISSED else None

    def heads(self, target: Target) -> dict[Stream, int] | None:
        """Return the heads of all streams that the socket receives; None if there are too many.

        Of other regions' streams: how far they are here without a hole. What follows arrives, and
        is delivered, later.

        Raises:
            CacheDown: With several regions; such a socket cannot be opened then anyway.
        """
        rooms = [
            room_id
            for room_id in dict.fromkeys(self._rooms.ids_of(target.user_id))
            if wire.takes(target.protocol, events.of_message(room_id).name)
        ]
        heads = self._reader.seqs(rooms)
        if len(heads) > MOST_STREAMS:
            return None
        if self._reader.several:
            heads = self._with_delivered(rooms, heads)
        foreign = [stream for stream, seq in heads.items() if seq and self._is_foreign(stream)]
        cursors = self._cursors.of(foreign) if foreign else {}
        return {
            **heads,
            **{stream: self._here(stream, heads[stream], of) for stream, of in cursors.items()},
        }

    def _with_delivered(
        self, rooms: Sequence[RoomId], heads: Mapping[Stream, int]
    ) -> dict[Stream, int]:
        """Return the heads, or entries that were pushed before their heads were replicated."""
        found = dict(heads)
        for room_id, entries in self._recents.recent(rooms).items():
            for entry in entries:
                stream = (room_id, entry.region)
                found[stream] = max(found.get(stream, 0), entry.seq)
        return found

    def _here(self, stream: Stream, head: int, cursor: Cursor) -> int:
        """Up to which seq another region's stream is here; from its cursor on, if it has one.

        A head may be here before its entries, and entries before those that they follow. An entry
        that is here before its head does not count: a `sync` does not return it yet, so it has to
        be pushed.
        """
        if not cursor.seq:
            return min(self._reader.whole(*stream).seq, head)
        here = cursor.seq
        if here < head:
            for entry in self._reader.entries_after(*stream, cursor.message_id, MOST_MISSED):
                here = entry.seq if entry.seq == here + 1 <= head else here
        return here

    def _is_foreign(self, stream: Stream) -> bool:
        return stream[1] != self._reader.regions[0]
