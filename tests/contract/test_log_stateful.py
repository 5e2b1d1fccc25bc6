"""The in-memory log and the one on DynamoDB answer any series of commands alike."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from chalicelib.adapters.dynamodb import DynamoMessageLog
from chalicelib.adapters.memory import MemoryMessageLog
from chalicelib.kernel.errors import TidingsError
from chalicelib.model.identifiers import MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind, Head
from tests.support.ministack import Ministack
from tests.support.models import search

HERE, THERE = Region("us-east-1"), Region("eu-west-1")
HOUR_MS = 3_600_000
EMPTY = Head(0, MessageId(""))
_examples = itertools.count(1)

regions = st.sampled_from([HERE, THERE])
# Few ids and keys, so that they meet; the heads' ids lie among them.
numbers = st.integers(min_value=1, max_value=60)
dedupes = st.sampled_from([None, None, "k1", "k2", "k3"])
contents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def mid(number: int) -> MessageId:
    return MessageId(f"{number:026d}")


class Logs(RuleBasedStateMachine):
    """Every rule asks both; an answer, or the error, must be the same."""

    def __init__(self, real: DynamoMessageLog) -> None:
        super().__init__()
        self.real = real
        self.twin = MemoryMessageLog()
        self.now_ms = 1_800_000_000_000

    @initialize()
    def take_a_fresh_room(self) -> None:
        self.room = RoomId(f"room{next(_examples)}")

    def both(self, method: str, *arguments: Any) -> Any:
        answers = [_answer(getattr(log, method), *arguments) for log in (self.twin, self.real)]
        assert answers[0] == answers[1], (method, arguments)
        return answers[0]

    def head(self, region: Region) -> Head:
        stream = (self.room, region)
        return self.twin.heads([stream])[stream]

    def entry(self, region: Region, seq: int, message_id: MessageId, **more: Any) -> Entry:
        fields = {"kind": EntryKind.MESSAGE, "message_type": "text", **more}
        sender = UserId("anna")
        return Entry(
            self.room,
            region,
            seq,
            message_id,
            sender_id=sender,
            timestamp_ms=self.now_ms,
            **fields,
        )

    @rule(region=regions, step=st.integers(1, 3), dedupe=dedupes, content=contents)
    def append(self, region: Region, step: int, dedupe: str | None, content: Any) -> None:
        head = self.head(region)
        message_id = mid(int(head.last_id or "0") + step)
        entry = self.entry(region, head.seq + 1, message_id, content=content)
        self.both("commit", entry, head, dedupe, self.now_ms)

    @rule(
        region=regions,
        number=numbers,
        off=st.integers(-1, 1),
        blind=st.booleans(),
        dedupe=dedupes,
    )
    def guess(self, region: Region, number: int, off: int, blind: bool, dedupe: str | None) -> None:
        true = self.head(region)
        seq = max(0, true.seq + off)
        guessed = EMPTY if seq == 0 else Head(seq, None if blind else true.last_id)
        entry = self.entry(region, seq + 1, mid(number), content=number)
        self.both("commit", entry, guessed, dedupe, self.now_ms)

    @rule(region=regions, of=regions, number=numbers, dedupe=dedupes)
    def delete(self, region: Region, of: Region, number: int, dedupe: str | None) -> None:
        """Of any id: mostly one that is there."""
        known = self.twin.after(self.room, of, MessageId(""), 99)
        target = known[number % len(known)].message_id if known else mid(number)
        head = self.head(region)
        message_id = mid(int(head.last_id or "0") + 1)
        if (of, target) == (region, message_id):
            return  # nobody can name an entry that is not written yet
        entry = self.entry(
            region,
            head.seq + 1,
            message_id,
            kind=EntryKind.DELETION,
            message_type="",
            content={"region": of},
            target_id=target,
        )
        self.both("commit", entry, head, dedupe, self.now_ms)

    @rule(hours=st.sampled_from([1, 11, 24]))
    def wait(self, hours: int) -> None:
        self.now_ms += hours * HOUR_MS

    @rule(region=regions, number=numbers, limit=st.integers(1, 5))
    def read(self, region: Region, number: int, limit: int) -> None:
        self.both("get", self.room, region, mid(number))
        self.both("after", self.room, region, mid(number), limit)
        self.both("before", self.room, region, mid(number), limit)
        self.both("before", self.room, region, None, limit)

    @rule(dedupe=st.sampled_from(["k1", "k2", "k3", "k4"]))
    def find(self, dedupe: str) -> None:
        self.both("find", self.room, dedupe, self.now_ms)

    @invariant()
    def they_hold_the_same(self) -> None:
        if not hasattr(self, "room"):
            return
        self.both("heads", [(self.room, HERE), (self.room, THERE)])
        for region in (HERE, THERE):
            self.both("after", self.room, region, MessageId(""), 99)


@pytest.mark.timeout(420)  # a failure is shrunk for up to five minutes
def test_the_logs_agree(ministack: Ministack, pytestconfig: pytest.Config) -> None:
    real = DynamoMessageLog(ministack.client("dynamodb"), ministack.prefix)
    search(lambda: Logs(real), pytestconfig)


def _answer(method: Any, *arguments: Any) -> Any:
    try:
        return method(*arguments)
    except TidingsError as error:
        return type(error)
