"""Combining: of all who wait to write to a stream, one commits the drafts of many.

A writer stands in line and blocks until its draft is settled. Whoever holds the stream's lease
leads: it commits the first 24 drafts in one transaction, answers their writers, and passes the
lease on to the next in line. So each writer leads once at most, for its own draft's sake.

What can go wrong is found by conditions in the log, not by Redis:

- A leader that dies leaves its drafts in line. Its lease ends, another one leads and commits them
  again; those that are in the log already are refused by their dedupe keys, and answered so.
- A leader that was paused beyond its lease commits onto a head that has moved: refused.
- When Redis is emptied, or is restored with drafts of before, the same keys and heads decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, TidingsError, Unavailable
from ..model.identifiers import MessageId, Stream
from ..model.lines import Draft, Fate, InLine, Lead, Settled, TurnId
from ..model.log import Committed, Duplicate, Entry, Head, Refused, Taken
from ..ports.lines import Lines
from ..ports.log import MessageLog
from ..ports.system import Clock, Ids
from .elsewhere import OtherRegions

BUSY, BUSY_MS = "the room is too busy, try again", 1000
# A sender waits at most this long. Two leaders may die meanwhile.
_PATIENCE_MS = 3_000
_ROUNDS = 40
_COMMITS = 8
_PAUSE_S = 0.01
_LOOK_MS, _SPREAD_MS = 100, 20


class Combiner:
    def __init__(
        self,
        log: MessageLog,
        lines: Lines,
        clock: Clock,
        ids_: Ids,
        others: OtherRegions | None = None,
    ) -> None:
        self._log = log
        self._lines = lines
        self._clock = clock
        self._ids = ids_
        self._others = others or OtherRegions(log, clock)

    def append(self, draft: Draft, head: Head | None) -> Settled:
        """Wait in line until the draft is settled, and lead if the lease comes to it.

        Args:
            head: The true head, if the caller knows it; else it is read from the cache.

        Raises:
            CacheDown: The draft may be in line, and be committed.
            Unavailable: The same, and waiting longer makes no sense.
        """
        until_ms = self._clock.now_ms() + _PATIENCE_MS
        for _ in range(_ROUNDS):
            place = self._lines.enter_line(draft)
            if isinstance(place, Settled):
                return place
            settled = None
            if isinstance(place, InLine):
                settled = self._lines.wait_in_line(draft, self._seconds(place))
                head = None  # others write meanwhile
            else:
                settled, head = self._lead(draft, place, head)
            if settled is not None:
                return settled
            if self._clock.now_ms() >= until_ms:
                break
        known = self._log.find(draft.entry.room_id, draft.dedupe, self._clock.now_ms())
        if known is not None:
            return Settled(Fate.DUPLICATE, known)
        raise Unavailable(BUSY, BUSY_MS)

    def settle(
        self, stream: Stream, turn_id: TurnId, head: Head, settled: Mapping[TurnId, Settled]
    ) -> None:
        """Answer writers and pass on the lease. If that fails, they find out for themselves."""
        try:
            self._lines.settle(stream, turn_id, head if head.seq else None, settled)
        except CacheDown:
            telemetry.log("WARNING", "line_not_settled", room_id=stream[0])

    def _lead(
        self, own: Draft, lead: Lead, known: Head | None
    ) -> tuple[Settled | None, Head | None]:
        """Commit the first of the line; return the end of the own draft, if it was among them.

        If another writer was faster, return the true head. The lease is kept then: the caller
        enters again, which renews it, or shows that it was lost.
        """
        head = known or lead.head or self._log.heads([own.stream])[own.stream]
        drafts = _different(lead.drafts or (own,))
        seen = self._others.look([draft.entry for draft in drafts])
        head = self._others.restored(own.stream, head, seen)
        settled = {
            drafts[number].turn_id: Settled(Fate.DUPLICATE, first)
            for number, first in seen.first.items()
        }
        drafts = [draft for draft in drafts if draft.turn_id not in settled]
        for _ in range(_COMMITS):
            if not drafts:
                break
            ends, head = self._commit(drafts, head, seen.newest)
            settled |= ends
            drafts = [draft for draft in drafts if draft.turn_id not in ends]
            if not ends:
                break
        if not settled:
            self._clock.sleep(_PAUSE_S * self._ids.jitter())
            return None, head
        self.settle(own.stream, own.turn_id, head, settled)
        return settled.get(own.turn_id), None

    def _commit(
        self, drafts: Sequence[Draft], head: Head, seen: MessageId | None
    ) -> tuple[dict[TurnId, Settled], Head]:
        """Try one transaction: the ends that it brought, none if the head has moved; the head."""
        now_ms = self._clock.now_ms()
        entries = self._stamped(drafts, head, now_ms, seen)
        keyed = [(entry, draft.dedupe) for entry, draft in zip(entries, drafts, strict=True)]
        try:
            result = self._log.commit_all(keyed, head, now_ms)
        except TidingsError:
            raise
        except Exception as fault:  # noqa: BLE001 - one entry must not hold up those of others
            telemetry.error("entry_refused", fault, room_id=drafts[0].entry.room_id)
            if len(drafts) > 1:
                return self._commit(drafts[: len(drafts) // 2], head, seen)
            return {drafts[0].turn_id: Settled(Fate.FAILED)}, head
        match result:
            case Taken():
                return {}, result.head
            case Refused():
                ends = {number: _refusal(first) for number, first in result.by.items()}
                return {drafts[n].turn_id: end for n, end in ends.items()}, result.head or head
            case Committed():
                pairs = zip(drafts, entries, strict=True)
                last = Head(entries[-1].seq, entries[-1].message_id)
                alone = len(drafts) == 1
                return {
                    draft.turn_id: Settled.committed(entry, alone=alone) for draft, entry in pairs
                }, last

    def _stamped(
        self, drafts: Sequence[Draft], head: Head, now_ms: int, seen: MessageId | None
    ) -> list[Entry]:
        entries: list[Entry] = []
        for draft in drafts:
            entries.append(stamped(draft.entry, head, now_ms, self._ids.entropy(), seen))
            head = Head(entries[-1].seq, entries[-1].message_id)
        return entries

    def _seconds(self, place: InLine) -> float:
        """Until the lease ends, or Redis may have lost it.

        And a little longer, so that not all who wait look at the same time.
        """
        ms = min(place.lease_ms + 1, _LOOK_MS)
        return (ms + _SPREAD_MS * self._ids.jitter()) / 1000


def stamped(
    draft: Entry, head: Head, now_ms: int, entropy: int, seen: MessageId | None = None
) -> Entry:
    """The entry that a draft becomes on this head, after what was seen of other regions."""
    message_id = ids.next_id(now_ms, head.last_id, entropy, seen)
    return replace(draft, seq=head.seq + 1, message_id=message_id, timestamp_ms=now_ms)


def _different(drafts: Sequence[Draft]) -> list[Draft]:
    """Those with different keys; the others stay in line. A transaction writes an item once."""
    return list({draft.dedupe: draft for draft in reversed(drafts)}.values())[::-1]


def _refusal(first: Duplicate | None) -> Settled:
    return Settled(Fate.DUPLICATE, first) if first is not None else Settled(Fate.NO_TARGET)
