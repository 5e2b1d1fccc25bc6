"""Combining: what a leader does with the drafts of others, and a writer with its patience."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryMessageLog
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.kernel.errors import Unavailable
from chalicelib.messaging.combining import Combiner
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.lines import Draft, Fate, InLine, Settled, Turn, TurnId
from chalicelib.model.log import Committed, Entry, EntryKind, Head
from tests.support.counting import Counting
from tests.support.world import CountingIds, FakeClock

ROOM, HERE = RoomId("lobby"), Region("us-east-1")
STREAM = (ROOM, HERE)


def draft(name: str, dedupe: str | None = None, **more: Any) -> Draft:
    fields = {"sender_id": UserId(name), "timestamp_ms": 0, "content": name, **more}
    kind = EntryKind.DELETION if "target_id" in fields else EntryKind.MESSAGE
    entry = Entry(ROOM, HERE, 0, MessageId(""), kind, **fields)
    return Draft(TurnId(name), entry, dedupe or f"#draft#{name}")


class PoisonedLog(MemoryMessageLog):
    """Refuses entries with the content "poison", as DynamoDB refuses an invalid item."""

    def commit_all(self, entries: Any, previous: Head, now_ms: int) -> Any:
        if any(entry.content == "poison" for entry, _ in entries):
            raise ValueError("invalid")
        return super().commit_all(entries, previous, now_ms)


class Room:
    def __init__(self) -> None:
        self.clock, self.ids = FakeClock(), CountingIds()
        self.cache, self.log = MemoryCache(self.ids, self.clock), Counting(PoisonedLog())
        self.combiner = Combiner(self.log, self.cache, self.clock, self.ids)  # type: ignore[arg-type]

    def wait(self, *drafts: Draft) -> None:
        """Let drafts stand in line, and the leader before them leave."""
        turn = self.draw()
        assert turn.leads
        for each in drafts:
            assert isinstance(self.cache.enter_line(each), InLine)
        self.cache.settle(STREAM, turn.id, None, {})

    def draw(self) -> Turn:
        turn = self.cache.frame(ConnectionId("x="), ROOM, HERE).turn
        assert turn is not None
        return turn

    def heard(self, of: Draft) -> Fate | None:
        place = self.cache.enter_line(of)
        return place.fate if isinstance(place, Settled) else None

    @property
    def texts(self) -> list[Any]:
        return [entry.content for entry in self.log.after(ROOM, HERE, MessageId(""), 99)]


def test_one_transaction_for_all_who_wait() -> None:
    room, drafts = Room(), [draft(f"d{number}") for number in range(20)]
    room.wait(*drafts)
    assert room.combiner.append(drafts[0], None).fate is Fate.COMMITTED
    assert room.log.calls.count("commit_all") == 1
    assert [room.heard(each) for each in drafts[1:]] == [Fate.COMMITTED] * 19
    assert room.texts == [f"d{number}" for number in range(20)]
    assert room.draw().leads, "nobody waits any more"


def test_of_two_with_the_same_key_the_later_one_is_a_duplicate() -> None:
    room = Room()
    one, two, three = draft("one", "a#1"), draft("two", "a#1"), draft("three")
    room.wait(one, two, three)
    first = room.combiner.append(one, None)
    second = room.combiner.append(two, None)
    assert (first.fate, second.fate, first.at) == (Fate.COMMITTED, Fate.DUPLICATE, second.at)
    assert room.texts == ["one", "three"]


def test_a_deletion_of_nothing_holds_nobody_up() -> None:
    room = Room()
    deletion = draft("nothing", content={"region": HERE}, target_id=MessageId("0" * 26))
    room.wait(draft("one"), deletion, draft("two"))
    assert room.combiner.append(draft("one"), None).fate is Fate.COMMITTED
    assert room.heard(deletion) is Fate.NO_TARGET
    assert room.texts == ["one", "two"]


@pytest.mark.parametrize("at", range(5))
def test_an_entry_that_the_store_refuses_fails_alone(at: int) -> None:
    room, drafts = Room(), [draft(f"d{number}") for number in range(4)]
    poison = draft("poison")
    drafts.insert(at, poison)
    room.wait(*drafts)
    ends = {each.turn_id: room.combiner.append(each, None).fate for each in drafts}
    assert ends.pop(poison.turn_id) is Fate.FAILED
    assert set(ends.values()) == {Fate.COMMITTED}
    assert room.texts == [f"d{number}" for number in range(4)]


def test_a_leader_that_was_paused_finds_another_head_and_another_leader() -> None:
    room, one, two = Room(), draft("one"), draft("two")
    room.wait(one, two)
    commit_all = room.log.commit_all
    waking: list[Settled] = []

    def paused(*arguments: Any) -> Any:
        if waking:
            return commit_all(*arguments)
        waking.append(Settled(Fate.FAILED))
        room.clock.ms += 60_000
        waking[0] = room.combiner.append(two, None)
        return commit_all(*arguments)

    room.log.commit_all = paused
    end = room.combiner.append(one, None)
    assert (waking[0].fate, room.texts.count("one"), room.texts.count("two")) == (
        Fate.COMMITTED,
        1,
        1,
    )
    assert end.at is not None
    assert end.at.message_id in [e.message_id for e in room.log.after(ROOM, HERE, "", 9)]


def test_patience_ends_with_an_error_that_says_when_to_try_again() -> None:
    room, mine = Room(), draft("mine")
    other = draft("other")
    room.cache.enter_line(other)
    room.cache.enter_line(mine)
    began_ms = room.clock.ms

    def goes_on() -> None:
        room.cache._lease(STREAM, other.turn_id)
        room.clock.at(100, goes_on)

    room.clock.at(100, goes_on)
    with pytest.raises(Unavailable) as raised:
        room.combiner.append(mine, None)
    assert raised.value.retry_after_ms
    assert room.clock.ms - began_ms < 5_000


def test_whose_answer_was_lost_finds_its_entry_at_the_end() -> None:
    room, mine = Room(), draft("mine")
    entry = Entry(ROOM, HERE, 1, MessageId("1" * 26), EntryKind.MESSAGE, UserId("mine"), 5)
    assert room.log.commit(entry, Head(0, MessageId("")), mine.dedupe, room.clock.ms) == Committed()
    end = room.combiner.append(mine, None)
    assert (end.fate, end.at and end.at.message_id) == (Fate.DUPLICATE, entry.message_id)
