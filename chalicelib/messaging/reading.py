"""Reading rooms' logs over all regions: history, heads, pages of streams."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..contract import positions
from ..kernel import ids
from ..model.identifiers import MessageId, Region, RoomId, Stream, UserId
from ..model.log import Entry, EntryKind, Head
from ..model.receipts import Seen
from ..ports.log import MessageLog
from .copies import Copies

# Entries in which replication may have left a hole.
_LOOK_BACK, _LOOK_BACK_BRIEFLY = 50, 8
# What replication has not brought for a day is not late.
LATE_MS = 24 * 3_600_000


class MessageReader:
    """Reads this region's replica.

    Attributes:
        regions: All regions of the deployment, this one first.
        copies: Messages that are stored twice.
    """

    def __init__(self, log: MessageLog, regions: tuple[Region, ...]) -> None:
        self._log = log
        self.regions = regions
        self.copies = Copies(log, regions)

    def find(self, room_id: RoomId, message_id: MessageId) -> Entry | None:
        """Return the entry with this id from any region's stream."""
        for region in self.regions:
            entry = self._log.get(room_id, region, message_id)
            if entry is not None:
                return entry
        return None

    def first_copy(self, room_id: RoomId, message_id: MessageId) -> Entry | None:
        """Return the entry that readers show for this id, which may be that of a second copy."""
        found = self.find(room_id, message_id)
        return self.copies.first_of(found) if found is not None else None

    def may_arrive(self, message_id: MessageId, now_ms: int) -> bool:
        """Whether another region may have written this entry, which has not arrived here."""
        oldest, newest = ids.first_at(now_ms - LATE_MS), ids.first_at(now_ms + ids.MOST_AHEAD_MS)
        return self.several and oldest < message_id < newest

    @property
    def several(self) -> bool:
        """Whether the deployment has more than one region."""
        return len(self.regions) > 1

    def position(self, room_id: RoomId) -> str:
        """The newest position of a room."""
        return positions.encode(self.newest_here(room_id))

    def newest_here(self, room_id: RoomId) -> dict[Region, Head]:
        """Return how far this replica has each stream of a room."""
        return self.reached(room_id, self.heads([room_id])[room_id])

    def reached(self, room_id: RoomId, heads: Mapping[Region, Head]) -> dict[Region, Head]:
        """Return how far this replica has each stream: up to its head, or the first hole before it.

        The head of another region may be here before its entries, which arrive in any order.
        """
        return {
            region: self._whole(room_id, region, None, passed=head.passed)
            if head.seq and region != self.regions[0]
            else head
            for region, head in heads.items()
        }

    def up_to(
        self, room_id: RoomId, reached: Mapping[Region, Head], message_id: MessageId
    ) -> dict[Region, Head]:
        """Return the part of what this replica has that is not after a message."""
        return {
            region: self._whole(room_id, region, ids.following(message_id), passed=head.passed)
            if (head.last_id or "") > message_id
            else head
            for region, head in reached.items()
        }

    def seen_with(self, entry: Entry) -> Seen:
        """Return what of each stream is here and not after an entry; {} in one region."""
        if not self.several:
            return {}
        before = ids.following(entry.message_id)
        return {
            region: entry.seq
            if region == entry.region
            else self._whole(entry.room_id, region, before, _LOOK_BACK_BRIEFLY).seq
            for region in self.regions
        }

    def whole(self, room_id: RoomId, region: Region) -> Head:
        """Return how far a stream is here: up to the first hole in its newest entries."""
        return self._whole(room_id, region, None)

    def _whole(
        self,
        room_id: RoomId,
        region: Region,
        before: MessageId | None,
        most: int = _LOOK_BACK,
        passed: int = 0,
    ) -> Head:
        """Return the last of a stream's newest entries that follows the ones before it.

        Of a stream that is here as a whole, the first entry must be here, too.

        Args:
            passed: `Head.passed`.
        """
        newest = self._log.before(room_id, region, before, most)
        last = Head(newest[-1].seq - 1 if len(newest) == most else 0, MessageId(""))
        for entry in reversed(newest):
            if entry.seq != last.seq + 1 and entry.seq - 1 > passed:
                break
            last = Head(entry.seq, entry.message_id, passed=passed)
        return last

    def history(
        self,
        room_id: RoomId,
        before: MessageId | None,
        after: MessageId | None,
        limit: int,
    ) -> tuple[list[Entry], bool]:
        """Return a page of messages in canonical order, oldest first, and whether there is more.

        With `after`, the page goes forward from it, and ends at `before` if that is given too.
        Otherwise it goes backward from `before`, or from the end.
        """
        page: list[Entry] = []
        cursor: MessageId | None = after if after is not None else before
        forward = after is not None
        while len(page) <= limit:
            chunk = self._page(room_id, cursor, limit + 1, forward)
            page = self._shown([*page, *chunk], forward)
            if len(chunk) <= limit:
                break
            if forward and before is not None and chunk[-1].message_id >= before:
                break
            cursor = chunk[-1].message_id
        if forward and before is not None:
            page = [entry for entry in page if entry.message_id < before]
        more = len(page) > limit
        page = page[:limit]
        return (page if forward else page[::-1]), more

    def newest(self, room_ids: Sequence[RoomId]) -> dict[RoomId, MessageId]:
        """Return the id of each room's newest entry over all regions; empty rooms are left out."""
        found = {}
        for room_id, heads in self.heads(list(room_ids)).items():
            last = max(head.last_id or MessageId("") for head in heads.values())
            if last:
                found[room_id] = last
        return found

    def count_after(self, room_id: RoomId, message_id: MessageId, not_by: UserId, most: int) -> int:
        """Count the messages of other users after this one, up to `most`."""
        count, cursor = 0, message_id
        while count < most:
            page = self._page(room_id, cursor, most + 1, forward=True)
            messages = self._shown(page, forward=True)
            count += sum(not each.deleted and each.sender_id != not_by for each in messages)
            if len(page) <= most:
                break
            cursor = page[-1].message_id
        return min(count, most)

    def head_before(self, room_id: RoomId, region: Region, message_id: MessageId) -> Head:
        """Return the seq and id of the last entry of a stream before this id."""
        for entry in self._log.before(room_id, region, message_id, 1):
            return Head(entry.seq, entry.message_id)
        return Head(0, None)

    def seqs(self, room_ids: Sequence[RoomId]) -> dict[Stream, int]:
        """Return the newest seq of each stream of these rooms."""
        heads = self.heads(list(room_ids))
        return {(room, r): head.seq for room, of in heads.items() for r, head in of.items()}

    def entries_since(self, room_id: RoomId, region: Region, at_ms: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries of a stream written since `at_ms`, oldest first."""
        return self._log.after(room_id, region, ids.first_at(at_ms), limit)

    def entries_after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        """Return up to `limit` entries of a stream after this id, oldest first.

        Args:
            message_id: "" for the start of the stream.
        """
        return self._log.after(room_id, region, message_id, limit)

    def entries_between(self, room_id: RoomId, region: Region, low: int, high: int) -> list[Entry]:
        """Return the entries of a stream with low < seq <= high, oldest first."""
        found: list[Entry] = []
        cursor: MessageId | None = None
        while True:
            page = self._log.before(room_id, region, cursor, high - low + 10)
            found += [entry for entry in page if low < entry.seq <= high]
            if not page or page[-1].seq <= low + 1:
                return found[::-1]
            cursor = page[-1].message_id

    def heads(self, room_ids: list[RoomId]) -> dict[RoomId, dict[Region, Head]]:
        """Return the head of each stream of these rooms, in batched consistent reads.

        What a region has kept from spares counts, too: its stream's own head may never come.
        """
        streams = [(room_id, region) for room_id in room_ids for region in self.regions]
        heads = self._log.heads(streams)
        return {
            room_id: _furthest({each: heads[(room_id, each)] for each in self.regions})
            for room_id in room_ids
        }

    def _shown(self, entries: Sequence[Entry], forward: bool) -> list[Entry]:
        """Return the messages among entries, each once, in their order."""
        messages = [entry for entry in entries if entry.kind is EntryKind.MESSAGE]
        if not self.several:
            return messages
        found = self.copies.first_copies(messages if forward else messages[::-1])
        return found if forward else found[::-1]

    def _page(
        self, room_id: RoomId, cursor: MessageId | None, limit: int, forward: bool
    ) -> list[Entry]:
        """Return up to `limit` entries over all regions, in reading direction."""
        if forward:
            pages = [
                self._log.after(room_id, r, cursor or MessageId(""), limit) for r in self.regions
            ]
            merged = heapq.merge(*pages, key=lambda entry: entry.message_id)
        else:
            pages = [self._log.before(room_id, r, cursor, limit) for r in self.regions]
            merged = heapq.merge(*pages, key=lambda entry: entry.message_id, reverse=True)
        return list(merged)[:limit]


def _furthest(heads: Mapping[Region, Head]) -> dict[Region, Head]:
    """Return the heads of a room's streams with what regions have kept of each other's."""
    found = dict(heads)
    own = next(iter(heads))  # nobody has this region's stream further than itself
    for head in heads.values():
        for region, reach in head.reach.items():
            if region not in found or region == own:
                continue
            known = found[region]
            if reach.seq > known.seq:
                known = replace(known, seq=reach.seq, last_id=reach.last_id)
            found[region] = replace(known, passed=max(known.passed, reach.passed))
    return found
