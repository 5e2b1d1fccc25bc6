"""Messages: append, delete, history, sync. Owns the log; knows nothing of who is connected."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..contract import positions
from ..contract.commands import MAX_CONTENT_BYTES, SendMessage, check_json
from ..jobs.delivery import DeliverEntry
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, NotFound, PermissionDenied, TidingsError, Unavailable
from ..model.identifiers import ConnectionId, MessageId, Region, RoomId, Stream, UserId
from ..model.log import Committed, Duplicate, Entry, EntryKind, Head, Taken
from ..model.rooms import Role
from ..ports.cache import Cache
from ..ports.log import MessageLog
from ..ports.queues import Queue
from ..ports.system import Clock, Ids
from . import sizes

_ATTEMPTS = 24
_PATIENCE = 4


@dataclass(frozen=True, slots=True)
class Caught:
    """One conversation's answer to a sync.

    Attributes:
        recovered: The entries are exactly what came after the given position.
        more: There is more after `position`: ask again with it.
        unreadable: The log cannot be read; the rest says nothing then.
    """

    entries: list[Entry]
    position: str
    recovered: bool
    more: bool
    unreadable: bool = False


class Messages:
    """Appends to this region's streams, reads all regions'."""

    def __init__(
        self,
        log: MessageLog,
        cache: Cache,
        delivery: Queue,
        clock: Clock,
        ids_: Ids,
        region: Region,
        regions: tuple[Region, ...],
    ) -> None:
        self._log = log
        self._cache = cache
        self._delivery = delivery
        self._clock = clock
        self._ids = ids_
        self._region = region
        self._regions = regions

    def send(
        self,
        sender: UserId,
        command: SendMessage,
        origin: ConnectionId | None,
        ticket: int | None,
    ) -> Entry:
        """Make a message durable and queue its delivery; the caller has checked membership.

        A resend with the same client_message_id within 24 h returns the first entry, and puts
        and queues it again: whatever an earlier attempt left undone is done now.
        """
        check_json(command.content, MAX_CONTENT_BYTES, "content")
        draft = Entry(
            room_id=RoomId(command.conversation_id),
            region=self._region,
            seq=0,
            message_id=MessageId(""),
            kind=EntryKind.MESSAGE,
            sender_id=sender,
            timestamp_ms=0,
            message_type=command.message_type,
            content=command.content,
            reply_to_message_id=MessageId(command.reply_to_message_id)
            if command.reply_to_message_id
            else None,
            client_message_id=command.client_message_id,
            origin_id=origin,
            delivery_receipt=command.delivery_receipt,
        )
        dedupe = f"{sender}#{command.client_message_id}" if command.client_message_id else None
        return self._append(draft, dedupe, ticket)

    def delete(
        self,
        user_id: UserId,
        role: Role,
        room_id: RoomId,
        message_id: MessageId,
        origin: ConnectionId | None,
        ticket: int | None,
    ) -> None:
        """Delete a message: its sender, an admin or the owner may. Twice is once."""
        found = self.find(room_id, message_id)
        if found is None or found.kind is not EntryKind.MESSAGE:
            raise NotFound("no such message")
        if found.sender_id != user_id and not role.manages:
            raise PermissionDenied("only the sender or an admin of the room may delete it")
        draft = Entry(
            room_id=room_id,
            region=self._region,
            seq=0,
            message_id=MessageId(""),
            kind=EntryKind.DELETION,
            sender_id=user_id,
            timestamp_ms=0,
            content={"region": found.region},
            target_id=message_id,
            origin_id=origin,
        )
        self._append(draft, f"deletion#{message_id}", ticket)

    def find(self, room_id: RoomId, message_id: MessageId) -> Entry | None:
        for region in self._regions:
            entry = self._log.get(room_id, region, message_id)
            if entry is not None:
                return entry
        return None

    def position(self, room_id: RoomId) -> str:
        """The newest position of a room."""
        return positions.encode(self._heads([room_id])[room_id])

    def history(
        self,
        room_id: RoomId,
        before: MessageId | None,
        after: MessageId | None,
        limit: int,
    ) -> tuple[list[Entry], bool]:
        """A page of messages, oldest first, in canonical order, and whether there is more.

        With `after` the page goes forward from it, and with `before` too not beyond that; else
        it goes backward from `before` (or the end).
        """
        page: list[Entry] = []
        cursor: MessageId | None = after if after is not None else before
        forward = after is not None
        while len(page) <= limit:
            chunk = self._page(room_id, cursor, limit + 1, forward)
            page += [entry for entry in chunk if entry.kind is EntryKind.MESSAGE]
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
        """The newest entry's id of each room that has any, over all regions."""
        found = {}
        for room_id, heads in self._heads(list(room_ids)).items():
            last = max(head.last_id or MessageId("") for head in heads.values())
            if last:
                found[room_id] = last
        return found

    def count_after(self, room_id: RoomId, message_id: MessageId, not_by: UserId, most: int) -> int:
        """How many messages of others follow this one, counted up to `most`."""
        count, cursor = 0, message_id
        while count < most:
            page = self._page(room_id, cursor, most + 1, forward=True)
            count += sum(
                entry.kind is EntryKind.MESSAGE and not entry.deleted and entry.sender_id != not_by
                for entry in page
            )
            if len(page) <= most:
                break
            cursor = page[-1].message_id
        return min(count, most)

    def sync(self, wanted: Mapping[RoomId, str], limit: int) -> dict[RoomId, Caught]:
        """What each conversation has after the given position ("" means: a snapshot).

        One batched DynamoDB read for all heads; a room without news costs nothing more. All of
        it together fits into one frame: what does not is there when asked for again. A room that
        cannot be read spoils no other's answer.
        """
        heads = self._heads(list(wanted))
        try:
            recent = self._cache.recent(list(wanted))
        except CacheDown:
            recent = {}
        room_for = sizes.SYNC_BYTES - sum(
            sizes.of_conversation(room_id, positions.encode(heads[room_id])) for room_id in wanted
        )
        answer: dict[RoomId, Caught] = {}
        for room_id, text in wanted.items():
            held = recent.get(room_id, [])
            try:
                caught = self._catch_up(room_id, text, heads[room_id], held, limit, room_for)
            except TidingsError:
                raise
            except Exception as fault:  # noqa: BLE001 - it would fail again; the client is told
                telemetry.error("room_unreadable", fault, room_id=room_id)
                caught = Caught([], text, recovered=False, more=False, unreadable=True)
            room_for -= sum(map(sizes.of_message, caught.entries))
            answer[room_id] = caught
        return answer

    def seqs(self, room_ids: Sequence[RoomId]) -> dict[Stream, int]:
        """How far each stream of these rooms goes."""
        heads = self._heads(list(room_ids))
        return {(room, r): head.seq for room, of in heads.items() for r, head in of.items()}

    def entries_since(self, room_id: RoomId, region: Region, at_ms: int, limit: int) -> list[Entry]:
        """Up to `limit` entries of a stream written at that time or later, oldest first."""
        return self._log.after(room_id, region, ids.first_at(at_ms), limit)

    def entries_after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        """The next entries of a stream after this id ("": from its start), oldest first."""
        return self._log.after(room_id, region, message_id, limit)

    def entries_between(self, room_id: RoomId, region: Region, low: int, high: int) -> list[Entry]:
        """Entries of a stream with low < seq <= high, oldest first."""
        found: list[Entry] = []
        cursor: MessageId | None = None
        while True:
            page = self._log.before(room_id, region, cursor, high - low + 10)
            found += [entry for entry in page if low < entry.seq <= high]
            if not page or page[-1].seq <= low + 1:
                return found[::-1]
            cursor = page[-1].message_id

    def _append(self, draft: Entry, dedupe: str | None, ticket: int | None) -> Entry:
        """The loop around `commit`: optimistic, ordered by tickets, bounded."""
        expected = ticket
        head = Head(ticket - 1, None) if ticket else self._head(draft.room_id)
        for attempt in range(_ATTEMPTS):
            now_ms = self._clock.now_ms()
            # A head known only by its number may carry an id ahead of our clock: then the
            # commit is refused with the true head, and the next id goes above it.
            entry = replace(
                draft,
                seq=head.seq + 1,
                message_id=ids.next_id(now_ms, head.last_id, self._ids.entropy()),
                timestamp_ms=now_ms,
            )
            result = self._log.commit(entry, head, dedupe, now_ms)
            if isinstance(result, Committed):
                break
            if isinstance(result, Duplicate):
                entry = self._again(draft, result)
                break
            head, ticket = self._after_conflict(result, head, ticket, attempt)
        else:
            raise Unavailable("the room is too busy, try again")
        if expected is not None and (entry.seq != expected):
            self._correct_ticket(entry)
        self._enqueue(entry)
        return entry

    def _after_conflict(
        self, result: Taken, head: Head, ticket: int | None, attempt: int
    ) -> tuple[Head, int | None]:
        """Wait for our turn while an earlier ticket is in flight, else follow the true head."""
        if ticket is not None and result.head.seq < ticket - 1 and attempt < _PATIENCE:
            self._clock.sleep(0.005 * (1 + self._ids.jitter()) * (attempt + 1))
            return head, ticket
        if attempt >= 2:
            self._clock.sleep(0.01 * self._ids.jitter() * min(attempt, 10))
        return result.head, None

    def _again(self, draft: Entry, first: Duplicate) -> Entry:
        entry = replace(
            draft,
            region=first.region,
            seq=first.seq,
            message_id=first.message_id,
            timestamp_ms=first.timestamp_ms,
        )
        self._log.restore(entry)
        return entry

    def _enqueue(self, entry: Entry) -> None:
        self._delivery.send([DeliverEntry(entry=entry)])

    def _correct_ticket(self, entry: Entry) -> None:
        try:
            head = self._head(entry.room_id)
            self._cache.set_ticket(entry.room_id, self._region, head.seq)
        except CacheDown:
            return

    def _head(self, room_id: RoomId) -> Head:
        stream = (room_id, self._region)
        return self._log.heads([stream])[stream]

    def _heads(self, room_ids: list[RoomId]) -> dict[RoomId, dict[Region, Head]]:
        streams = [(room_id, region) for room_id in room_ids for region in self._regions]
        heads = self._log.heads(streams)
        return {
            room_id: {region: heads[(room_id, region)] for region in self._regions}
            for room_id in room_ids
        }

    def _page(
        self, room_id: RoomId, cursor: MessageId | None, limit: int, forward: bool
    ) -> list[Entry]:
        """Up to `limit` entries over all regions, in reading direction."""
        if forward:
            pages = [
                self._log.after(room_id, r, cursor or MessageId(""), limit) for r in self._regions
            ]
            merged = heapq.merge(*pages, key=lambda entry: entry.message_id)
        else:
            pages = [self._log.before(room_id, r, cursor, limit) for r in self._regions]
            merged = heapq.merge(*pages, key=lambda entry: entry.message_id, reverse=True)
        return list(merged)[:limit]

    def _catch_up(
        self,
        room_id: RoomId,
        text: str,
        heads: dict[Region, Head],
        recent: list[Entry],
        limit: int,
        room_for: int,
    ) -> Caught:
        if not text:
            return self._snapshot(room_id, text, heads, limit, room_for)
        position = positions.decode(text)
        missed: list[Entry] = []
        more = False
        reached = dict(position)
        for region, head in heads.items():
            start = position.get(region, Head(0, MessageId("")))
            if start.seq > head.seq or (
                start.seq == head.seq and start.seq and start.last_id != head.last_id
            ):
                return self._snapshot(room_id, text, heads, limit, room_for)
            entries = self._since(room_id, region, start, head, recent, limit)
            if entries is None:
                return self._snapshot(room_id, text, heads, limit, room_for)
            more = more or (entries[-1].seq if entries else start.seq) < head.seq
            missed += entries
        missed.sort(key=lambda entry: entry.message_id)
        shown: list[Entry] = []
        for entry in missed:
            found = self._shown(entry)
            if found is not None:
                room_for -= sizes.of_message(found)
                if room_for < 0:
                    more = True
                    break
                shown.append(found)
            reached[entry.region] = Head(entry.seq, entry.message_id)
        return Caught(shown, positions.encode(reached), True, more)

    def _since(
        self,
        room_id: RoomId,
        region: Region,
        start: Head,
        head: Head,
        recent: list[Entry],
        limit: int,
    ) -> list[Entry] | None:
        """Entries after `start` up to a hole, None when not even the first is there.

        A replica may have an entry before the one that it follows.
        """
        if start.seq == head.seq:
            return []
        cached = [e for e in recent if e.region == region and start.seq < e.seq <= head.seq]
        if [e.seq for e in cached] == list(range(start.seq + 1, head.seq + 1)):
            return cached[:limit]
        entries = self._log.after(room_id, region, start.last_id or MessageId(""), limit)
        following = [e for seq, e in enumerate(entries, start.seq + 1) if e.seq == seq]
        return following or None

    def _snapshot(
        self, room_id: RoomId, text: str, heads: dict[Region, Head], limit: int, room_for: int
    ) -> Caught:
        """The newest; where they do not fit, as many as do or nothing yet."""
        entries, _ = self.history(room_id, None, None, min(limit, 50))
        count = sizes.fitting(map(sizes.of_message, reversed(entries)), room_for)
        if count < len(entries) and (room_for < sizes.SYNC_BYTES // 2 or not count):
            return Caught([], text, bool(text), True)
        return Caught(entries[len(entries) - count :], positions.encode(heads), False, False)

    def _shown(self, entry: Entry) -> Entry | None:
        """A deletion shows as the deleted message itself, so that clients replace it."""
        if entry.kind is EntryKind.MESSAGE:
            return entry
        return self.find(entry.room_id, entry.target_id) if entry.target_id else None
