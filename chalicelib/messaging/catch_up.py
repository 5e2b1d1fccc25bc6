"""Sync: what conversations have after the positions that a device sends.

A replica has other regions' entries late and in any order. What is not here yet is neither missing
nor another history: it comes with a later sync, and its place in the position waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..contract import positions
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, TidingsError
from ..model.identifiers import MessageId, Region, RoomId
from ..model.log import Entry, EntryKind, Head
from ..ports.delivery import Cursors
from ..ports.log import MessageLog, Recents
from ..ports.system import Clock
from . import sizes
from .backlog import RECENT_MS
from .reading import LATE_MS, MessageReader

_PORTION = 8  # entries that are read first, as nobody knows how large they are


@dataclass(frozen=True, slots=True)
class Caught:
    """One conversation's answer to a sync.

    Attributes:
        recovered: The entries are exactly what came after the given position.
        more: There is more after `position`: ask again with it.
        unreadable: The log cannot be read; the other fields then mean nothing.
        fills: The answer has no room for what follows.
    """

    entries: list[Entry]
    position: str
    recovered: bool
    more: bool
    unreadable: bool = False
    fills: bool = False


@dataclass(frozen=True, slots=True)
class _Missed:
    """What follows in one stream; `more` if this replica has more of it."""

    entries: Sequence[Entry] = ()
    more: bool = False


class CatchUp:
    def __init__(
        self,
        log: MessageLog,
        reader: MessageReader,
        recents: Recents,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        self._cursors = cursors
        self._clock = clock
        self._log = log
        self._reader = reader
        self._recents = recents

    def since(self, given: Mapping[RoomId, str], limit: int) -> dict[RoomId, Caught]:
        """Return what each conversation has after the given position ("" means: a snapshot).

        One batched DynamoDB read for all heads; a room without new entries costs nothing more.
        With several regions and without Redis, each room costs a query for each other region.
        The whole answer fits into one frame; what does not fit comes with the next sync, and is not
        read: at most one room is read in vain. A room that cannot be read does not affect the
        others.
        """
        heads = self._reader.heads(list(given))
        try:
            recent = self._recents.recent(list(given))
        except CacheDown:
            recent = {}
            heads = {room_id: self._beyond(room_id, heads[room_id]) for room_id in given}
        heads = {room: self._furthest(heads[room], recent.get(room, ())) for room in given}
        room_for = sizes.SYNC_BYTES - sum(
            sizes.of_conversation(room_id, positions.encode(heads[room_id])) for room_id in given
        )
        answer: dict[RoomId, Caught] = {}
        is_full = False
        for room_id, text in given.items():
            held = recent.get(room_id, [])
            try:
                if is_full:
                    caught = _put_off(text, heads[room_id])
                else:
                    caught = self._catch_up(room_id, text, heads[room_id], held, limit, room_for)
            except TidingsError:
                raise
            except Exception as fault:  # noqa: BLE001 - it would fail again; the answer says so
                telemetry.error("room_unreadable", fault, room_id=room_id)
                caught = Caught([], text, recovered=False, more=False, unreadable=True)
            room_for -= sum(map(sizes.of_message, caught.entries))
            is_full = is_full or caught.fills
            answer[room_id] = caught
        return answer

    def _beyond(self, room_id: RoomId, heads: Mapping[Region, Head]) -> dict[Region, Head]:
        """Return the heads, or entries of other regions that are here before their heads."""
        own = self._reader.regions[0]
        return {
            region: head if region == own else self._newest(room_id, region, head)
            for region, head in heads.items()
        }

    def _newest(self, room_id: RoomId, region: Region, head: Head) -> Head:
        for entry in self._log.before(room_id, region, None, 1):
            if entry.seq > head.seq:
                return replace(head, seq=entry.seq, last_id=entry.message_id)
        return head

    def _furthest(
        self, heads: Mapping[Region, Head], recent: Sequence[Entry]
    ) -> dict[Region, Head]:
        """Return how far each stream is known: its head, or an entry that was delivered before it.

        An entry of another region can be here before its head. Whoever connects after it was
        pushed, and before the head is here, must get it from `sync`: nobody pushes it again.
        Deliveries cache what they push before they look who is connected.
        """
        found, others = dict(heads), self._reader.regions[1:]
        for entry in recent:
            if entry.region in others and entry.seq > found[entry.region].seq:
                known = found[entry.region]
                found[entry.region] = replace(known, seq=entry.seq, last_id=entry.message_id)
        return found

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
        reached = self._named(room_id, positions.decode(text), heads)
        found: list[Entry] = []
        more, fills = False, False
        for region in heads:
            missed = self._missed(room_id, region, reached[region], heads, recent, limit, room_for)
            if missed is None:
                return self._snapshot(room_id, text, heads, limit, room_for)
            more = more or missed.more
            found += missed.entries
        found.sort(key=lambda entry: entry.message_id)
        once = {entry.message_id: entry for entry in self._reader.copies.first_copies(found)}
        shown: list[Entry] = []
        for number, entry in enumerate(found):
            seen = self._shown(once[entry.message_id]) if entry.message_id in once else None
            room_for -= sizes.of_message(seen) if seen is not None else 0
            if room_for < 0 or number == limit:
                more, fills = True, room_for < 0
                break
            shown += [seen] if seen is not None else []
            reached[entry.region] = Head(entry.seq, entry.message_id)
        return Caught(shown, positions.encode(reached), True, more, fills=fills)

    def _named(
        self, room_id: RoomId, position: positions.Position, heads: Mapping[Region, Head]
    ) -> positions.Position:
        """Name the regions that a position does not: nothing was seen since it was made."""
        made_at = positions.made_at(position)
        named = dict(position)
        for region, head in heads.items():
            if region in position:
                continue
            named[region] = Head(0, MessageId(""))
            if head.seq and made_at:
                for entry in self._log.before(room_id, region, ids.following(made_at), 1):
                    named[region] = Head(entry.seq, entry.message_id)
        return named

    def _missed(
        self,
        room_id: RoomId,
        region: Region,
        start: Head,
        heads: Mapping[Region, Head],
        recent: list[Entry],
        limit: int,
        room_for: int,
    ) -> _Missed | None:
        """Return what follows `start` in a stream; None if its history is another one.

        Up to the first hole. In a stream of another region, an entry that is not here is late.
        """
        head, own = heads[region], region == self._reader.regions[0]
        if start.seq == head.seq:
            return _Missed() if not start.seq or start.last_id == head.last_id else None
        if start.seq > head.seq:
            # Ids rise with seqs: a head that is further by its id alone is of another history.
            other = own or (head.last_id or "") >= (start.last_id or "")
            return None if other else _Missed()
        cached = [e for e in recent if e.region == region and start.seq < e.seq <= head.seq]
        is_whole = [e.seq for e in cached] == list(range(start.seq + 1, head.seq + 1))
        if is_whole and _have_deletions(recent, heads, cached[0]):
            return _Missed(cached[:limit], len(cached) > limit)
        start_id = start.last_id or MessageId("")
        if own:
            entries = self._few(room_id, region, start_id, limit, room_for)
        else:
            entries = self._log.after(room_id, region, start_id, limit)
        following = [e for seq, e in enumerate(entries, start.seq + 1) if e.seq == seq]
        if own:
            return _Missed(following, following[-1].seq < head.seq) if following else None
        if not following:
            next_id = entries[0].message_id if entries else head.last_id
            other = any(entry.seq <= start.seq for entry in entries)
            other = other or bool(entries and entries[0].seq <= head.passed + 1)
            return None if other or _lost(next_id, heads) else _Missed()
        more = len(following) == limit and following[-1].seq < head.seq
        # Behind a hole that nobody waits for there is more: the next answer is a snapshot.
        more = more or following[-1].seq < head.passed
        return _Missed(following, more)

    def _few(
        self, room_id: RoomId, region: Region, start: MessageId, limit: int, room_for: int
    ) -> list[Entry]:
        """Return what follows in a stream, in growing portions until an answer has no room."""
        found: list[Entry] = []
        portion, cursor = _PORTION, start
        while room_for > 0 and len(found) < limit:
            wanted = min(portion, limit - len(found))
            some = self._log.after(room_id, region, cursor, wanted)
            found += some
            if len(some) < wanted:
                break
            room_for -= sum(map(sizes.of_message, some))
            portion, cursor = 4 * portion, some[-1].message_id
        return found

    def _snapshot(
        self, room_id: RoomId, text: str, heads: dict[Region, Head], limit: int, room_for: int
    ) -> Caught:
        """Return the newest messages: all, as many as fit, or none for now."""
        reached = self._reader.reached(room_id, heads)
        history, _ = self._reader.history(room_id, None, None, min(limit, 50))
        entries = self._without_waiting(room_id, history, reached)
        count = sizes.fitting(map(sizes.of_message, reversed(entries)), room_for)
        if count < len(entries) and (room_for < sizes.SYNC_BYTES // 2 or not count):
            return Caught([], text, bool(text), True, fills=True)
        shown, fills = entries[len(entries) - count :], count < len(entries)
        return Caught(shown, positions.encode(reached), False, False, fills=fills)

    def _without_waiting(
        self, room_id: RoomId, entries: list[Entry], reached: Mapping[Region, Head]
    ) -> list[Entry]:
        """Leave out what delivery holds back, as an earlier entry of its stream is not here yet.

        It is pushed after that one: shown now, it would come before it. What is older than some
        minutes is shown all the same: nothing is hidden for long if delivery fails.
        """
        beyond = {entry.region for entry in entries if entry.seq > reached[entry.region].seq}
        if not beyond:
            return entries
        cursors = self._cursors.of([(room_id, region) for region in beyond])
        old_ms = self._clock.now_ms() - RECENT_MS
        return [
            entry
            for entry in entries
            if entry.seq <= reached[entry.region].seq
            or entry.seq <= cursors[room_id, entry.region].seq
            or entry.timestamp_ms < old_ms
        ]

    def _shown(self, entry: Entry) -> Entry | None:
        """Return what clients see of an entry: for a deletion, the deleted message to replace."""
        if entry.kind is EntryKind.MESSAGE:
            return entry
        if entry.target_id is None:
            return None
        found = self._reader.first_copy(entry.room_id, entry.target_id)
        # The mark on a message of another region may arrive after the deletion itself.
        return replace(found, deleted=True, content=None) if found is not None else None


def _put_off(text: str, heads: Mapping[Region, Head]) -> Caught:
    """Answer for a conversation without reading it: what is new in it comes with a later sync."""
    position = positions.decode(text) if text else {}
    return Caught([], text, bool(text), more=dict(position) != dict(heads))


def _have_deletions(recent: Sequence[Entry], heads: Mapping[Region, Head], since: Entry) -> bool:
    """Whether cached entries are all that any stream has since one of them.

    A deletion may be in another region's stream than its message. If it could not be cached, the
    cache still has the message's content.
    """
    for region, head in heads.items():
        if (head.last_id or "") <= since.message_id:
            continue
        seqs = [entry.seq for entry in recent if entry.region == region]
        later = [e.seq for e in recent if e.region == region and e.message_id > since.message_id]
        if not later or later != list(range(later[0], head.seq + 1)):
            return False
        if later[0] > 1 and later[0] - 1 not in seqs:
            return False
    return True


def _lost(message_id: MessageId | None, heads: Mapping[Region, Head]) -> bool:
    """Whether what is missing before this entry is not only late."""
    newest = positions.made_at(heads)
    late_ms = ids.time_ms(newest) - ids.time_ms(message_id) if newest and message_id else 0
    return late_ms > LATE_MS
