"""Appending: alone onto the cached head, in line, and without Redis."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.adapters.memory import MemoryMessageLog
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.kernel.errors import Unavailable
from chalicelib.messaging.appending import Appender
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.lines import Fate, Turn
from chalicelib.model.log import Entry, EntryKind, Head
from tests.support.counting import Counting
from tests.support.world import CountingIds, FakeClock

ROOM, HERE = RoomId("lobby"), Region("us-east-1")


class Desk:
    """An appender on counted ports."""

    def __init__(self) -> None:
        self.clock, self.ids = FakeClock(), CountingIds()
        self.memory = MemoryCache(self.ids, self.clock)
        self.log, self.cache = Counting(MemoryMessageLog()), Counting(self.memory)
        self.appender = Appender(self.log, self.cache, self.clock, self.ids, HERE)  # type: ignore[arg-type]

    def draw(self) -> Turn:
        turn = self.memory.frame(ConnectionId("x="), ROOM, HERE).turn
        assert turn is not None
        return turn

    def append(self, text: str, turn: Turn | None, dedupe: str | None = None) -> Fate:
        fields = {"sender_id": UserId("alice"), "timestamp_ms": 0, "content": text}
        draft = Entry(ROOM, HERE, 0, MessageId(""), EntryKind.MESSAGE, **fields)
        self.log.calls, self.cache.calls = [], []
        return self.appender.append(draft, dedupe, turn).fate

    @property
    def texts(self) -> list[str]:
        return [entry.content for entry in self.log.after(ROOM, HERE, MessageId(""), 99)]


def test_who_leads_commits_at_once_and_the_next_knows_the_head() -> None:
    desk = Desk()
    assert desk.append("one", desk.draw()) is Fate.COMMITTED
    assert desk.log.calls == ["heads", "commit"], "a cold head is read, not guessed"
    assert desk.append("two", desk.draw()) is Fate.COMMITTED
    assert (desk.log.calls, desk.cache.calls) == (["commit"], ["settle"])


def test_a_resend_is_a_duplicate_and_frees_the_stream() -> None:
    desk = Desk()
    desk.append("one", desk.draw(), "alice#c1")
    assert desk.append("one", desk.draw(), "alice#c1") is Fate.DUPLICATE
    assert desk.draw().leads


def test_a_head_that_redis_has_wrong_costs_one_more_transaction() -> None:
    desk = Desk()
    desk.append("one", desk.draw())
    for wrong in (Head(7, MessageId("7" * 26)), Head(1, MessageId("0" * 26))):
        turn = desk.draw()
        desk.memory.settle((ROOM, HERE), turn.id, wrong, {})
        assert desk.append("more", desk.draw()) is Fate.COMMITTED
        assert desk.log.calls in (["commit", "commit_all"], ["commit"])
        assert desk.append("again", desk.draw()) is Fate.COMMITTED
        assert desk.log.calls == ["commit"]
    assert desk.texts == ["one", "more", "again", "more", "again"]


def test_without_a_turn_it_goes_through_the_line() -> None:
    desk = Desk()
    assert desk.append("one", None) is Fate.COMMITTED
    assert desk.cache.calls == ["enter_line", "settle"]
    assert desk.draw().leads


def test_without_redis_it_commits_onto_the_head_that_it_reads() -> None:
    desk = Desk()
    desk.memory.down = True
    assert desk.append("one", None) is Fate.COMMITTED
    assert desk.log.calls == ["heads", "commit"]
    assert desk.append("one", None, "alice#c1") is Fate.COMMITTED
    assert desk.append("one", None, "alice#c1") is Fate.DUPLICATE
    assert desk.texts == ["one", "one"]


@pytest.mark.parametrize("leads", [True, False])
def test_a_store_that_fails_does_not_hold_the_stream(leads: bool) -> None:
    desk = Desk()

    def fails(*arguments: object) -> None:
        raise Unavailable("the store did not answer")

    desk.log.commit = desk.log.commit_all = fails
    with pytest.raises(Unavailable):
        desk.append("one", desk.draw() if leads else None)
    assert desk.draw().leads


@pytest.mark.parametrize("leads", [True, False])
def test_a_commit_whose_answer_is_lost_counts_if_the_log_has_it(leads: bool) -> None:
    desk = Desk()
    turn = desk.draw() if leads else None
    lose_answers(desk.log, "commit", "commit_all")
    assert desk.append("one", turn, "alice#c1") is Fate.DUPLICATE
    assert desk.log.calls.count("find") == 1
    assert desk.texts == ["one"]
    assert desk.draw().leads


def test_without_a_key_or_an_answer_nobody_knows_what_was_committed() -> None:
    desk = Desk()
    lose_answers(desk.log, "commit", "find")
    for dedupe, calls in ((None, ["heads", "commit"]), ("alice#c1", ["heads", "commit", "find"])):
        with pytest.raises(Unavailable, match="no answer to commit"):
            desk.append("one", desk.draw(), dedupe)
        assert desk.log.calls == calls


def lose_answers(log: Counting, *methods: str) -> None:
    """Let these methods do their work and then fail."""

    def losing(method: str) -> Callable[..., None]:
        act = getattr(log, method)

        def call(*arguments: object) -> None:
            act(*arguments)
            raise Unavailable(f"no answer to {method}")

        return call

    for method in methods:
        setattr(log, method, losing(method))
