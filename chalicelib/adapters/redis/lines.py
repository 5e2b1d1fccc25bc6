"""The lines of writers in Redis: see `ports.Lines` and `ports.RoomBuckets`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from math import ceil
from typing import Any

from ...kernel.records import entry_from_json, entry_to_json
from ...model.access import Charge, RoomRate
from ...model.identifiers import MessageId, Region, RoomId, Stream
from ...model.lines import Draft, Fate, InLine, Lead, Place, Settled, Turn, TurnId
from ...model.log import Duplicate, Entry, Head
from ...model.rooms import SmallRoom
from ...ports.lines import BATCH, DRAFT_MS, LEASE_MS
from . import keys, line_scripts
from .client import Command, RedisClient, evaluate
from .keys import ANSWER_S, LINE_S, ROOM_S

_LEAD = "lead"
_ENTRY_FIELDS = {each.name for each in fields(Entry)}
# A socket's timeout is one second, so a writer waits in steps shorter than that.
_LONGEST_WAIT_S = 0.8


class RedisLines:
    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._run = client.run

    def spend_room(self, room_id: RoomId, charge: Charge) -> int:
        assert charge.room is not None, "the action has a room's rate"
        assert charge.payer is not None, "a request is a known user's"
        held = [keys.room_rate(room_id), keys.room_share(room_id, charge.payer)]
        (wait_ms,) = self._run(evaluate(line_scripts.SPEND_ROOM, held, *_rates(charge.room)))
        return int(wait_ms)

    def enter_line(self, draft: Draft) -> Place:
        held = [*_keys(draft.stream), keys.turn_answer(draft.stream[0], draft.turn_id)]
        limits = LEASE_MS, BATCH, DRAFT_MS, LINE_S
        [[state, *rest]] = self._run(
            evaluate(line_scripts.ENTER, held, draft.turn_id, _dump(draft), *limits)
        )
        if state == "wait":
            return InLine(max(1, int(rest[0])))
        if state == "settled":
            return _settled(rest[0])
        drafts = (_draft(text) for text in rest[1:])
        return Lead(head_of(rest[0]), tuple(each for each in drafts if each is not None))

    def wait_in_line(self, draft: Draft, seconds: float) -> Settled | None:
        key = keys.turn_answer(draft.stream[0], draft.turn_id)
        answer = self._client.wait(key, min(seconds, _LONGEST_WAIT_S))
        return _settled(answer) if answer not in (None, _LEAD) else None

    def settle(
        self,
        stream: Stream,
        turn_id: TurnId,
        head: Head | None,
        settled: Mapping[TurnId, Settled],
    ) -> None:
        held = [*_keys(stream), *(keys.turn_answer(stream[0], turn) for turn in settled)]
        seq, last_id = (head.seq, head.last_id or "") if head else ("", "")
        answers = [
            text
            for turn, each in settled.items()
            for text in (turn, _answer(each) if turn != turn_id else "")
        ]
        limits = LEASE_MS, ROOM_S, ANSWER_S
        (next_turn,) = self._run(
            evaluate(line_scripts.SETTLE, held, turn_id, seq, last_id, *limits, *answers)
        )
        self._wake(stream, next_turn)

    def give_up_turn(self, stream: Stream, turn: Turn, refund: bool) -> None:
        lease, _, line, drafts = _keys(stream)
        commands: list[Command] = [
            evaluate(line_scripts.LEAVE, [lease, line, drafts], turn.id, LEASE_MS)
        ]
        if refund and turn.payer:
            buckets = [keys.room_rate(stream[0]), keys.room_share(stream[0], turn.payer)]
            commands.append(evaluate(line_scripts.REFUND, buckets))
        next_turn, *_ = self._run(*commands)
        self._wake(stream, next_turn)

    def _wake(self, stream: Stream, turn_id: str | None) -> None:
        """Wake the turn that has the lease now. If this fails, it finds out when the lease ends."""
        if turn_id:
            key = keys.turn_answer(stream[0], turn_id)
            self._run(("RPUSH", key, _LEAD), ("EXPIRE", key, ANSWER_S))


def draw(stream: Stream, turn_id: str, room: RoomRate | None, payer: str) -> Command:
    """The command that draws a turn."""
    lease, head, *_ = _keys(stream)
    held = [keys.room_rate(stream[0]), keys.room_share(stream[0], payer), lease, head]
    return evaluate(line_scripts.DRAW, held, *_rates(room), turn_id, LEASE_MS)


def drawn(answer: Any, turn_id: str, payer: str, room: SmallRoom | None) -> Turn:
    """The turn, from the command's answer."""
    wait_ms, leads, head = answer
    return Turn(TurnId(turn_id), bool(leads), head_of(head), int(wait_ms), payer, room)


def head_of(text: str | None) -> Head | None:
    if not text:
        return None
    seq, _, last_id = text.partition("|")
    return Head(int(seq), MessageId(last_id))


def _keys(stream: Stream) -> list[str]:
    return [
        keys.stream_lease(*stream),
        keys.stream_head(*stream),
        keys.stream_line(*stream),
        keys.stream_drafts(*stream),
    ]


def _rates(room: RoomRate | None) -> tuple[str | int, ...]:
    if room is None:
        return 1, "", "", "", ""
    full_s = max(room.burst / room.per_s, room.member_burst / room.member_per_s)
    rates = str(room.per_s), room.burst, str(room.member_per_s), room.member_burst
    return ceil(full_s) + 1, *rates


def _dump(draft: Draft) -> str:
    return json.dumps([draft.turn_id, draft.dedupe, entry_to_json(draft.entry)])


def _draft(text: str) -> Draft | None:
    """The draft; None if a newer version wrote a field that this one would lose.

    Its writer commits it when the lease comes to it.
    """
    turn_id, dedupe, record = json.loads(text)
    if not set(record) <= _ENTRY_FIELDS:
        return None
    return Draft(TurnId(turn_id), entry_from_json({"message_id": "", **record}), dedupe)


def _answer(settled: Settled) -> str:
    at = settled.at
    place = [at.message_id, at.region, at.seq, at.timestamp_ms] if at else []
    return json.dumps([settled.fate, *place])


def _settled(text: str) -> Settled:
    fate, *at = json.loads(text)
    if not at:
        return Settled(Fate(fate))
    message_id, region, seq, timestamp_ms = at
    return Settled(Fate(fate), Duplicate(MessageId(message_id), Region(region), seq, timestamp_ms))
