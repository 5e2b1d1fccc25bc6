"""Second copies: a resend that went to another region before the first attempt arrived there.

Both regions have stored the message. Readers show the copy with the lower id; the other id stays
an alias. Whoever brings entries of other regions here notes the pair (`notice`); until then, and
only on the same page, readers recognise it by sender and client_message_id (`first_copies`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..kernel import ids
from ..kernel.errors import Unavailable
from ..model.identifiers import MessageId, Region, RoomId, Stream
from ..model.log import Copy, Duplicate, Entry, EntryKind
from ..ports.delivery import Cursors
from ..ports.log import MessageLog

# Another worker may have died with the other copy: its job comes again after 120 s. Of a copy that
# was written long ago nothing but the attempts says how long it has been waited for: 127 s.
_PATIENT, _PATIENT_MS = 8, 180_000
_DAY_MS = 24 * 3_600_000  # a client_message_id may be used again after this time


class Copies:
    def __init__(self, log: MessageLog, regions: tuple[Region, ...]) -> None:
        self._log = log
        self._own = regions[0]
        self._regions = regions
        self._several = len(regions) > 1

    def notice(self, arrived: Entry, now_ms: int) -> Copy | None:
        """Note the pair if this region has stored the message of another region's entry, too.

        Call it for every entry of another region before it is pushed; it may be called again.
        Items are replicated one by one. If the entry's dedupe item is not here yet, it is written:
        from now on a resend finds the entry, and is not stored and pushed as well.

        Returns:
            The second copy, None if there is only one.
        """
        client_id = arrived.client_message_id
        if not self._several or arrived.region == self._own or client_id is None:
            return None
        here_key, there_key = (
            ids.message_dedupe(arrived.sender_id, client_id, region)
            for region in (self._own, arrived.region)
        )
        known = self._log.elsewhere(arrived.room_id, (), (here_key, there_key), now_ms).first
        own = known.get(here_key)
        if there_key not in known:
            self._log.note_dedupe(arrived, there_key, now_ms)
            own = self._log.find(arrived.room_id, here_key, now_ms)  # a resend of just now
        if own is None:
            return None
        here = (own.message_id, own.region, own.seq)
        there = (arrived.message_id, arrived.region, arrived.seq)
        (of_id, of_region, _), (message_id, region, seq) = sorted((here, there))
        copy = Copy(arrived.room_id, message_id, region, seq, of_id, of_region)
        self._log.note_copy(copy, arrived.sender_id, own=region == self._own)
        return copy

    def handed_out(
        self, entries: Sequence[Entry], now_ms: int, cursors: Cursors, attempt: int
    ) -> set[MessageId]:
        """Return which of these entries of another region's stream are not pushed here.

        Another copy of the message was pushed instead, or will be: this region's own one, one of a
        stream that has been delivered up to it, or the first one, if that is here. Devices that
        have the other copy know the message by its id, which every action accepts.

        Raises:
            Unavailable: The first copy, or this region's own one, is here and not delivered yet.
                If this stream passed its copy over now, neither might be pushed: each stream would
                take the message for the other's, or a device would go to another region before.
                Later attempts do not wait: the second copy is pushed in place of the first one,
                and passed over for the own one, whose stream always delivers it.
        """
        if not self._several or entries[0].region == self._own:
            return set()
        keys = {
            ids.message_dedupe(entry.sender_id, entry.client_message_id, region): entry
            for entry in entries
            if entry.client_message_id is not None
            for region in self._regions
            if region != entry.region
        }
        if not keys:
            return set()
        room_id = entries[0].room_id
        others = self._log.elsewhere(room_id, (), list(keys), now_ms).first
        return {
            keys[key].message_id
            for key, other in others.items()
            if self._pushes(room_id, other, keys[key], cursors, attempt, now_ms)
        }

    def _pushes(
        self,
        room_id: RoomId,
        other: Duplicate,
        than: Entry,
        cursors: Cursors,
        attempt: int,
        now_ms: int,
    ) -> bool:
        """Whether this copy is pushed here rather than the entry."""
        if cursors.get(room_id, other.region).seq >= other.seq:
            return True
        is_own = other.region == self._own
        if other.message_id > than.message_id and not is_own:
            return False
        is_here = is_own or self._log.get(room_id, other.region, other.message_id) is not None
        age_ms = now_ms - ids.time_ms(max(other.message_id, than.message_id))
        if is_here and (attempt <= _PATIENT or age_ms < _PATIENT_MS):
            raise Unavailable("the other copy of a message is pushed before this one, try again")
        return is_own

    def not_had(self, entries: Sequence[Entry], seen: Mapping[Stream, int]) -> list[Entry]:
        """Leave out messages of which a device has the other copy, or gets it among these entries.

        One query for each room that has messages with a client_message_id among the entries.

        Args:
            seen: Up to which seq the device has each stream.
        """
        if not self._several:
            return list(entries)
        rooms: dict[RoomId, list[Entry]] = {}
        for entry in entries:
            if entry.kind is EntryKind.MESSAGE and entry.client_message_id is not None:
                rooms.setdefault(entry.room_id, []).append(entry)
        had = {each for some in rooms.values() for each in self._had(some, seen)}
        return [entry for entry in entries if entry.message_id not in had]

    def _had(self, entries: Sequence[Entry], seen: Mapping[Stream, int]) -> Iterator[MessageId]:
        room_id, inside = entries[0].room_id, {entry.message_id for entry in entries}
        until = ids.first_at(ids.time_ms(max(inside)) + _DAY_MS)
        for copy in self._log.copies(room_id, min(inside), until):
            if copy.of_id in inside and copy.seq <= seen.get((room_id, copy.region), 0):
                yield copy.of_id
            elif copy.of_id in inside and copy.message_id in inside:
                yield copy.message_id
            elif copy.message_id in inside:
                first = self._read(room_id, copy)
                if first is not None and first.seq <= seen.get((room_id, copy.of_region), 0):
                    yield copy.message_id

    def first_of(self, entry: Entry) -> Entry:
        """Return the copy that readers show: the entry itself if it is the first, or alone."""
        while self._several and entry.client_message_id is not None:
            noted = self._log.copies(entry.room_id, entry.message_id, entry.message_id)
            first = self._read(entry.room_id, noted[0]) if noted else None
            if first is None:
                break
            entry = _deleted_with(first, entry)
        return entry

    def all_of(self, first: Entry) -> list[Entry]:
        """Return the first copy, and the others that were noted."""
        found, known = [first], {first.message_id}
        if not self._several or first.client_message_id is None:
            return found
        for copy in self._log.copies(first.room_id, first.message_id, _LAST):
            entry = None
            if copy.of_id in known:
                entry = self._log.get(copy.room_id, copy.region, copy.message_id)
            if entry is not None:
                known.add(entry.message_id)
                found.append(entry)
        return found

    def first_copies(self, entries: Sequence[Entry]) -> list[Entry]:
        """Leave out second copies from entries of one room in canonical order."""
        if not self._several or not any(entry.client_message_id for entry in entries):
            return list(entries)
        inside = [entry.message_id for entry in entries]
        noted = {
            copy.message_id: copy
            for copy in self._log.copies(entries[0].room_id, min(inside), max(inside))
        }
        shown: list[Entry] = []
        place: dict[tuple[str, str], int] = {}
        for entry in entries:
            pair = (entry.sender_id, entry.client_message_id or "")
            at = place.get(pair) if pair[1] and entry.kind is EntryKind.MESSAGE else None
            if at is not None and _near(shown[at], entry):
                shown[at] = _deleted_with(shown[at], entry)
                continue
            copy = noted.get(entry.message_id)
            if copy is not None and self._read(entry.room_id, copy) is not None:
                continue
            place[pair] = len(shown)
            shown.append(entry)
        return shown

    def _read(self, room_id: RoomId, copy: Copy) -> Entry | None:
        """The first copy; None while it is not here: then the second one is shown."""
        return self._log.get(room_id, copy.of_region, copy.of_id)


_LAST = MessageId(ids.encode((1 << 128) - 1))


def _near(one: Entry, other: Entry) -> bool:
    return ids.time_ms(other.message_id) - ids.time_ms(one.message_id) < _DAY_MS


def _deleted_with(first: Entry, second: Entry) -> Entry:
    if first.deleted or not second.deleted:
        return first
    return replace(first, deleted=True, content=None)
