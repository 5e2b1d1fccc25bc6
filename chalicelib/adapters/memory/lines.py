"""The twin of the lines of writers: see `ports.Lines` and `ports.RoomBuckets`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ...model.access import Charge, RoomRate
from ...model.identifiers import RoomId, Stream
from ...model.lines import Draft, InLine, Lead, Place, Settled, Turn, TurnId
from ...model.log import Head
from ...ports.lines import BATCH, DRAFT_MS, LEASE_MS
from ...ports.system import Clock, Ids

HEAD_MS, LINE_MS, ANSWER_MS = 3_600_000, 60_000, 10_000
_LEAD = "lead"
_LOOK_S = 0.005

_Line = dict[TurnId, tuple[int, Draft]]


class MemoryLines(Protocol):
    """A part of `MemoryCache`, which holds the state."""

    _clock: Clock
    _ids: Ids

    def spend_room(self, room_id: RoomId, charge: Charge) -> int:
        assert charge.room is not None, "the action has a room's rate"
        assert charge.payer is not None, "a request is a known user's"
        with self._call():
            return self._spend_room(room_id, charge.room, charge.payer)

    def enter_line(self, draft: Draft) -> Place:
        with self._call():
            answer = self._answer(draft)
            if answer is not None:
                return answer
            stream, now_ms = draft.stream, self._clock.now_ms()
            line = self._line(stream)
            line.setdefault(draft.turn_id, (now_ms, draft))
            self._put(_key("line", stream), line, LINE_MS)
            holder, until_ms = self._get(_key("lease", stream)) or (None, 0)
            if holder not in (None, draft.turn_id):
                return InLine(until_ms - now_ms)
            self._lease(stream, draft.turn_id)
            for turn_id in [t for t, (since, _) in line.items() if now_ms - since > DRAFT_MS]:
                del line[turn_id]
            drafts = tuple(each for _, each in list(line.values())[:BATCH])
            return Lead(self._get(_key("head", stream)), drafts)

    def wait_in_line(self, draft: Draft, seconds: float) -> Settled | None:
        until_ms = self._clock.now_ms() + int(seconds * 1000)
        with self._call():
            pass
        while True:
            with self._call(trips=0):
                waiting = self._get(_answers(draft.stream, draft.turn_id))
                if waiting:
                    return self._answer(draft, wakes=True)
            if self._clock.now_ms() >= until_ms:
                return None
            self._clock.sleep(_LOOK_S)

    def settle(
        self,
        stream: Stream,
        turn_id: TurnId,
        head: Head | None,
        settled: Mapping[TurnId, Settled],
    ) -> None:
        with self._call():
            line = self._line(stream)
            for turn, each in settled.items():
                if line.pop(turn, None) is not None and turn != turn_id:
                    self._push(stream, turn, each)
            holder, _ = self._get(_key("lease", stream)) or (None, 0)
            if head is not None:
                held = self._get(_key("head", stream)) or Head(0, None)
                if holder == turn_id or held.seq < head.seq:
                    self._put(_key("head", stream), head, HEAD_MS)
            if holder == turn_id:
                self._pass_on(stream)

    def give_up_turn(self, stream: Stream, turn: Turn, refund: bool) -> None:
        with self._call():
            self._line(stream).pop(turn.id, None)
            holder, _ = self._get(_key("lease", stream)) or (None, 0)
            if holder == turn.id:
                self._pass_on(stream)
            if refund and turn.payer:
                for key in _buckets(stream[0], turn.payer):
                    held = self._get(key)
                    if held is not None:
                        level, at_ms, ttl_ms = held
                        self._put(key, (level + 1, at_ms, ttl_ms), ttl_ms)

    def _draw(self, stream: Stream, room: RoomRate | None, payer: str) -> Turn:
        turn_id = TurnId(self._ids.token())
        wait_ms = self._spend_room(stream[0], room, payer) if room is not None else 0
        if wait_ms:
            return Turn(turn_id, wait_ms=wait_ms, payer=payer)
        free = self._get(_key("lease", stream)) is None
        if free:
            self._lease(stream, turn_id)
        return Turn(turn_id, free, self._get(_key("head", stream)), 0, payer)

    def _spend_room(self, room_id: RoomId, room: RoomRate, payer: str) -> int:
        now_ms = self._clock.now_ms()
        rates = (room.per_s, room.burst), (room.member_per_s, room.member_burst)
        levels, wait_ms = [], 0
        for key, (per_s, burst) in zip(_buckets(room_id, payer), rates, strict=True):
            level, at_ms, _ = self._get(key) or (float(burst), now_ms, 0)
            level = min(float(burst), level + max(0, now_ms - at_ms) * per_s / 1000)
            levels.append((key, level, math.ceil(burst / per_s) * 1000 + 1000))
            if level < 1:
                wait_ms = max(wait_ms, math.ceil((1 - level) * 1000 / per_s))
        for key, level, ttl_ms in levels if not wait_ms else []:
            self._put(key, (level - 1, now_ms, ttl_ms), ttl_ms)
        return wait_ms

    def _answer(self, draft: Draft, wakes: bool = False) -> Settled | None:
        """The next answer, leaving out wakes; with `wakes`, None for one."""
        key = _answers(draft.stream, draft.turn_id)
        waiting: list[Settled | str] = self._get(key) or []
        while waiting:
            answer = waiting.pop(0)
            if isinstance(answer, Settled):
                return answer
            if wakes:
                break
        return None

    def _pass_on(self, stream: Stream) -> None:
        first = next(iter(self._line(stream)), None)
        if first is None:
            self._drop(_key("lease", stream))
            return
        self._lease(stream, first)
        self._push(stream, first, _LEAD)

    def _push(self, stream: Stream, turn_id: TurnId, answer: Settled | str) -> None:
        key = _answers(stream, turn_id)
        self._put(key, [*(self._get(key) or []), answer], ANSWER_MS)

    def _lease(self, stream: Stream, turn_id: TurnId) -> None:
        held = turn_id, self._clock.now_ms() + LEASE_MS
        self._put(_key("lease", stream), held, LEASE_MS)

    def _line(self, stream: Stream) -> _Line:
        line: _Line = self._get(_key("line", stream)) or {}
        return line

    def _call(self, trips: int = 1) -> AbstractContextManager[None]: ...
    def _get(self, key: str) -> Any: ...
    def _put(self, key: str, value: Any, ttl_ms: int) -> None: ...
    def _drop(self, key: str) -> None: ...


def _key(what: str, stream: Stream) -> str:
    return f"room:{stream[0]}:{what}:{stream[1]}"


def _answers(stream: Stream, turn_id: TurnId) -> str:
    return f"room:{stream[0]}:answer:{turn_id}"


def _buckets(room_id: RoomId, payer: str) -> tuple[str, str]:
    return f"room:{room_id}:rate", f"room:{room_id}:share:{payer}"
