"""Appending to this region's stream of a room: alone if nobody else writes, else in line.

A frame whose turn leads commits at once, onto the cached head. All others go through the line,
where one transaction carries many drafts (`combining`). Redis decides only who tries: without it,
writers commit onto the head that they read, and again if another was faster.
"""

from __future__ import annotations

from ..kernel import telemetry
from ..kernel.errors import CacheDown, Unavailable
from ..model.identifiers import Region, RoomId, Stream
from ..model.lines import Draft, Fate, Settled, Turn, TurnId
from ..model.log import Committed, Duplicate, Entry, Head, Taken
from ..ports.lines import Lines
from ..ports.log import MessageLog
from ..ports.system import Clock, Ids
from .combining import BUSY, BUSY_MS, Combiner, stamped
from .elsewhere import OtherRegions

_ATTEMPTS = 24


class Appender:
    def __init__(
        self,
        log: MessageLog,
        lines: Lines,
        clock: Clock,
        ids_: Ids,
        region: Region,
        others: OtherRegions | None = None,
    ) -> None:
        self._log = log
        self._lines = lines
        self._clock = clock
        self._ids = ids_
        self._region = region
        self._others = others or OtherRegions(log, clock)
        self._combiner = Combiner(log, lines, clock, ids_, self._others)

    def append(self, draft: Entry, dedupe: str | None, turn: Turn | None) -> Settled:
        """Commit a draft, whose seq is 0 and whose id is empty, in a bounded time.

        If the commit was not answered, one read of the dedupe item says whether it was made: the
        sender may never send again.

        Raises:
            Unavailable: It may be committed or not: nobody knows.
        """
        turn = turn or Turn(TurnId(self._ids.token()))
        stream = (draft.room_id, self._region)
        try:
            return self._append(stream, draft, dedupe, turn)
        except Unavailable:
            self._give_up(stream, turn)
            known = self._committed(draft.room_id, dedupe)
            if known is None:
                raise
            return Settled(Fate.DUPLICATE, known)
        except Exception:
            self._give_up(stream, turn)
            raise

    def _append(self, stream: Stream, draft: Entry, dedupe: str | None, turn: Turn) -> Settled:
        head = None
        if turn.leads:
            settled, head = self._alone(stream, draft, dedupe, turn)
            if settled is not None:
                return settled
        # Whoever commits it, and however often: a draft in line needs a key. No user's key begins
        # with "#", as no user's id is empty.
        keyed = Draft(turn.id, draft, dedupe or f"#draft#{turn.id}")
        try:
            return self._combiner.append(keyed, head)
        except CacheDown:
            return self._optimistic(keyed)

    def _alone(
        self, stream: Stream, draft: Entry, dedupe: str | None, turn: Turn
    ) -> tuple[Settled | None, Head]:
        """Commit as the one who leads; nothing and the true head if somebody wrote without it."""
        head = turn.head or self._head(stream)
        seen = self._others.look([draft])
        if seen.first:
            self._combiner.settle(stream, turn.id, head, {})
            return Settled(Fate.DUPLICATE, seen.first[0]), head
        head = self._others.restored(stream, head, seen)
        now_ms = self._clock.now_ms()
        entry = stamped(draft, head, now_ms, self._ids.entropy(), seen.newest)
        result = self._log.commit(entry, head, dedupe, now_ms)
        match result:
            case Taken():
                return None, result.head
            case Duplicate():
                settled = Settled(Fate.DUPLICATE, result)
            case Committed():
                settled = Settled.committed(entry, alone=True)
                head = Head(entry.seq, entry.message_id)
        self._combiner.settle(stream, turn.id, head, {})
        return settled, head

    def _optimistic(self, draft: Draft) -> Settled:
        head, seen = self._head(draft.stream), self._others.look([draft.entry])
        if seen.first:
            return Settled(Fate.DUPLICATE, seen.first[0])
        head = self._others.restored(draft.stream, head, seen)
        for attempt in range(_ATTEMPTS):
            now_ms = self._clock.now_ms()
            entry = stamped(draft.entry, head, now_ms, self._ids.entropy(), seen.newest)
            result = self._log.commit(entry, head, draft.dedupe, now_ms)
            if isinstance(result, Committed):
                return Settled.committed(entry)
            if isinstance(result, Duplicate):
                return Settled(Fate.DUPLICATE, result)
            head = result.head
            if attempt >= 2:
                self._clock.sleep(0.01 * self._ids.jitter() * min(attempt, 10))
        raise Unavailable(BUSY, BUSY_MS)

    def _committed(self, room_id: RoomId, dedupe: str | None) -> Duplicate | None:
        """Return where the entry with this key is; None without a key, or if that is unknown."""
        if dedupe is None:
            return None
        try:
            return self._log.find(room_id, dedupe, self._clock.now_ms())
        except Unavailable as fault:
            telemetry.log("WARNING", "commit_unknown", reason=telemetry.reason(fault))
            return None

    def _give_up(self, stream: Stream, turn: Turn) -> None:
        try:
            self._lines.give_up_turn(stream, turn, refund=False)
        except CacheDown:
            telemetry.log("WARNING", "turn_not_given_up", room_id=stream[0])

    def _head(self, stream: Stream) -> Head:
        return self._log.heads([stream])[stream]
