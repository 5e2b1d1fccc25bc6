"""What a returning socket has missed: its checkpoint, and the entries since its offset."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from .. import wire
from ..contract import events
from ..kernel import telemetry
from ..kernel.errors import BadRequest, TidingsError
from ..membership.rooms import Rooms
from ..messaging.reading import MessageReader
from ..model.connections import Target
from ..model.identifiers import Stream, UserId
from ..model.log import Entry
from ..model.sessions import Checkpoint
from ..ports.sessions import CheckpointStore
from ..wire import offsets
from ..wire.offsets import RecoveryClaim

MOST_MISSED = 500  # entries that one recovery sends
MOST_STREAMS = 2_000  # streams that a checkpoint keeps


class MissedEntries:
    def __init__(self, store: CheckpointStore, rooms: Rooms, reader: MessageReader) -> None:
        self._store = store
        self._rooms = rooms
        self._reader = reader

    def checkpoint(
        self, user_id: UserId, target: Target, claim: RecoveryClaim | None
    ) -> Checkpoint | None:
        """Return the claimed checkpoint if it is this user's and the client knows its pid."""
        if claim is None:
            return None
        found = self._store.get(claim.offset.partition(";")[0] or "-")
        if found is None or found.user_id != user_id or found.protocol != target.protocol:
            return None
        return found if secrets.compare_digest(found.pid.encode(), claim.pid.encode()) else None

    def sendable(
        self, target: Target, offset: str, heads: Mapping[Stream, int]
    ) -> tuple[str, list[Entry]] | None:
        """Return the same as `_missed`; None also when an entry cannot be read or encoded."""
        try:
            found = self._missed(target, offset, heads)
            for entry in found[1] if found is not None else ():
                wire.encode(target.protocol, events.of_entry(entry))
            return found
        except TidingsError:
            raise
        except Exception as fault:  # noqa: BLE001 - it would fail again; the client starts over
            telemetry.error("recovery_failed", fault)
            return None

    def _missed(
        self, target: Target, offset: str, heads: Mapping[Stream, int]
    ) -> tuple[str, list[Entry]] | None:
        """Return the pid and the entries after the offset in canonical order; None if unknown.

        An offset can be used for entries only once: a client that shows it a second time may
        already have some of them, from a first answer that broke off.
        """
        try:
            name, since = offsets.decode(offset)
        except BadRequest:
            return None
        found = self._store.get(name)
        if found is None:
            return None
        seen = {**found.seen, **since}
        missed: list[Entry] = []
        for stream, head in heads.items():
            entries = self._after(target, stream, seen.get(stream), head)
            if entries is None or len(missed) + len(entries) > MOST_MISSED:
                return None
            missed += entries
        allowed = set(self._rooms.among(target.user_id, list({e.room_id for e in missed})))
        missed = [e for e in missed if e.room_id in allowed and e.origin_id != target.sid]
        if missed and not self._store.use(name, offset):
            return None
        return found.pid, sorted(missed, key=lambda entry: entry.message_id)

    def _after(
        self, target: Target, stream: Stream, seen: int | None, head: int
    ) -> list[Entry] | None:
        """Return the entries of a stream after `seen`; None when the log does not have them all."""
        room_id, region = stream
        if seen is None:
            joined_ms = self._rooms.joined_ms(room_id, target.user_id)
            if not joined_ms or not head:
                return []
            return self._reader.entries_since(room_id, region, joined_ms, MOST_MISSED + 1)
        if seen >= head:
            return [] if seen == head else None
        if head - seen > MOST_MISSED:
            return None
        entries = self._reader.entries_between(room_id, region, seen, head)
        return entries if len(entries) == head - seen else None

    def since_joined(self, target: Target, entry: Entry) -> list[Entry] | None:
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
        """Return the heads of all streams that the socket receives; None if there are too many."""
        rooms = [
            room_id
            for room_id in dict.fromkeys(self._rooms.ids_of(target.user_id))
            if wire.takes(target.protocol, events.of_message(room_id).name)
        ]
        heads = self._reader.seqs(rooms)
        return heads if len(heads) <= MOST_STREAMS else None
