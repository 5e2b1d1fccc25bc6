"""The contract of `ports.MessageLog`: writes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.kernel import tails
from chalicelib.kernel.errors import NotFound
from chalicelib.model.identifiers import ConnectionId, MessageId, Region
from chalicelib.model.log import Committed, Copy, Duplicate, Head, Taken
from chalicelib.ports.log import MessageLog
from tests.support.stores import (
    ANNA,
    BEN,
    EMPTY,
    HERE,
    LOBBY,
    NOW,
    OTHER,
    RACERS,
    THERE,
    Stores,
    deletion,
    head,
    head_of,
    message,
    mid,
    write,
)
from tests.support.threads import at_once

DAY_MS = 24 * 3_600_000


class TestCommit:
    def test_writes_the_entry_and_moves_the_head(self, log: MessageLog) -> None:
        first, second = message(1), message(2)
        assert log.commit(first, EMPTY, None, NOW) == Committed()
        assert log.commit(second, head_of(first), None, NOW) == Committed()
        assert log.get(LOBBY, HERE, first.message_id) == first
        assert log.get(LOBBY, HERE, second.message_id) == second
        assert head(log) == head_of(second)

    def test_keeps_every_field(self, log: MessageLog) -> None:
        entry = message(
            1,
            reply_to_message_id=mid(3),
            client_message_id="c-1",
            delivery_receipt=True,
            origin_id=ConnectionId("L0SM9cOFvHcCIhw="),
        )
        write(log, entry)
        assert log.get(LOBBY, HERE, entry.message_id) == entry
        assert log.after(LOBBY, HERE, MessageId(""), 10) == [entry]

    @pytest.mark.parametrize(
        "content",
        [
            None,
            "",
            0,
            1.5,
            -1e-300,
            10**40,
            True,
            [],
            {},
            {"": ""},
            {"a": [1, 2.25, None, {"b": []}]},
            '你好 🙂 \u0000 \\ "',
            "\ud800 alone",
        ],
        ids=repr,
    )
    def test_content_is_any_json(self, log: MessageLog, content: Any) -> None:
        write(log, message(1, content=content))
        found = log.get(LOBBY, HERE, mid(10))
        assert found is not None
        assert found.content == content
        assert type(found.content) is type(content)

    @pytest.mark.parametrize(
        ("seq", "previous"),
        [
            (1, EMPTY),
            (2, Head(1, mid(10))),
            (2, Head(1, None)),
            (4, Head(3, mid(30))),
            (4, Head(3, None)),
        ],
    )
    def test_another_head_is_taken(self, log: MessageLog, seq: int, previous: Head) -> None:
        write(log, message(1), message(2))
        entry = message(seq, 99)
        assert log.commit(entry, previous, "key", NOW) == Taken(Head(2, mid(20)))
        assert log.get(LOBBY, HERE, entry.message_id) is None
        assert log.find(LOBBY, "key", NOW) is None
        assert head(log) == Head(2, mid(20))

    def test_a_head_ahead_of_an_empty_stream_is_taken(self, log: MessageLog) -> None:
        assert log.commit(message(5), Head(4, None), None, NOW) == Taken(EMPTY)

    @pytest.mark.parametrize("number", [19, 20])
    @pytest.mark.parametrize("last_id", [mid(20), None])
    def test_an_id_not_above_the_last_is_taken(
        self, log: MessageLog, number: int, last_id: MessageId | None
    ) -> None:
        write(log, message(1), message(2))
        result = log.commit(message(3, number), Head(2, last_id), None, NOW)
        assert result == Taken(Head(2, mid(20)))
        assert [entry.seq for entry in log.after(LOBBY, HERE, MessageId(""), 9)] == [1, 2]

    def test_a_head_known_by_its_seq_is_enough(self, log: MessageLog) -> None:
        write(log, message(1))
        assert log.commit(message(2), Head(1, None), None, NOW) == Committed()
        assert head(log) == Head(2, mid(20))

    def test_refuses_to_leave_a_hole(self, log: MessageLog) -> None:
        with pytest.raises(ValueError, match="must be previous"):
            log.commit(message(3), Head(1, None), None, NOW)

    def test_streams_are_apart(self, log: MessageLog) -> None:
        here, there = message(1), message(1, region=THERE)
        elsewhere = message(1, room_id=OTHER)
        write(log, here, there, elsewhere)
        assert log.after(LOBBY, THERE, MessageId(""), 9) == [there]
        assert log.after(OTHER, HERE, MessageId(""), 9) == [elsewhere]

    def test_of_racers_on_one_head_one_commits(self, log: MessageLog) -> None:
        write(log, message(1))
        results = at_once(
            RACERS, lambda n: log.commit(message(2, 100 + n), Head(1, mid(10)), f"k{n}", NOW)
        )
        winners = [n for n, result in enumerate(results) if result == Committed()]
        assert len(winners) == 1
        won = Head(2, mid(100 + winners[0]))
        assert all(r == Taken(won) for n, r in enumerate(results) if n != winners[0])
        assert [e.message_id for e in log.after(LOBBY, HERE, mid(10), 99)] == [won.last_id]
        assert [n for n in range(RACERS) if log.find(LOBBY, f"k{n}", NOW)] == winners

    def test_of_racers_on_an_empty_stream_one_commits(self, log: MessageLog) -> None:
        results = at_once(RACERS, lambda n: log.commit(message(1, 100 + n), EMPTY, None, NOW))
        assert results.count(Committed()) == 1
        assert len(log.after(LOBBY, HERE, MessageId(""), 99)) == 1

    def test_racers_that_try_again_leave_no_hole_and_no_fork(self, log: MessageLog) -> None:
        def append(number: int) -> int:
            at = EMPTY
            for attempt in itertools.count():
                entry = message(at.seq + 1, (at.seq + 1) * 1000 + number * 10 + attempt % 10)
                result = log.commit(entry, at, None, NOW)
                if result == Committed():
                    return entry.seq
                assert isinstance(result, Taken)
                at = result.head
            raise AssertionError

        assert sorted(at_once(RACERS, append)) == list(range(1, RACERS + 1))
        entries = log.after(LOBBY, HERE, MessageId(""), 99)
        assert [entry.seq for entry in entries] == list(range(1, RACERS + 1))
        assert head(log) == head_of(entries[-1])


class TestDedupe:
    FIRST = Duplicate(mid(10), HERE, 1, NOW + 1)

    @pytest.fixture
    def log(self, stores: Stores) -> MessageLog:
        assert stores.log.commit(message(1), EMPTY, "key", NOW) == Committed()
        return stores.log

    def test_find(self, log: MessageLog) -> None:
        assert log.find(LOBBY, "key", NOW) == self.FIRST
        assert log.find(LOBBY, "another", NOW) is None
        assert log.find(OTHER, "key", NOW) is None

    @pytest.mark.parametrize(
        ("seq", "previous"), [(2, Head(1, mid(10))), (1, EMPTY), (7, Head(6, None))]
    )
    def test_a_second_commit_is_a_duplicate_wherever_the_head_is(
        self, log: MessageLog, seq: int, previous: Head
    ) -> None:
        assert log.commit(message(seq, 99), previous, "key", NOW + 5) == self.FIRST
        assert head(log) == Head(1, mid(10))
        assert len(log.after(LOBBY, HERE, MessageId(""), 9)) == 1

    def test_a_region_knows_the_keys_of_the_others(self, log: MessageLog) -> None:
        assert log.commit(message(1, region=THERE), EMPTY, "key", NOW) == self.FIRST
        assert head(log, region=THERE) == EMPTY

    def test_another_room_has_keys_of_its_own(self, log: MessageLog) -> None:
        assert log.commit(message(1, room_id=OTHER), EMPTY, "key", NOW) == Committed()

    def test_is_remembered_for_a_day_to_the_millisecond(self, log: MessageLog) -> None:
        assert log.find(LOBBY, "key", NOW + DAY_MS - 1) == self.FIRST
        second = message(2)
        late = log.commit(second, Head(1, None), "key", NOW + DAY_MS - 1)
        assert late == self.FIRST
        assert log.find(LOBBY, "key", NOW + DAY_MS) is None
        assert log.commit(second, Head(1, None), "key", NOW + DAY_MS) == Committed()
        assert log.find(LOBBY, "key", NOW + DAY_MS) == Duplicate(mid(20), HERE, 2, NOW + 2)

    def test_racers_with_one_key_write_one_entry(self, log: MessageLog) -> None:
        def append(number: int) -> Any:
            at = Head(1, mid(10))
            while True:
                entry = message(at.seq + 1, (at.seq + 1) * 1000 + number)
                result = log.commit(entry, at, "raced", NOW)
                if not isinstance(result, Taken):
                    return result
                at = result.head

        results = at_once(RACERS, append)
        assert results.count(Committed()) == 1
        [entry] = log.after(LOBBY, HERE, mid(10), 99)
        first = Duplicate(entry.message_id, HERE, entry.seq, entry.timestamp_ms)
        assert [r for r in results if r != Committed()] == [first] * (RACERS - 1)


class TestElsewhere:
    def test_heads_of_other_regions_and_what_their_keys_wrote(self, log: MessageLog) -> None:
        there = message(1, region=THERE)
        assert log.commit(there, EMPTY, "key", NOW) == Committed()
        write(log, message(1))
        west = Region("us-west-2")
        found = log.elsewhere(LOBBY, [THERE, west], ["key", "another", "key"], NOW + 5)
        assert found.heads == {THERE: head_of(there), west: EMPTY}
        assert found.first == {"key": Duplicate(there.message_id, THERE, 1, NOW + 1)}
        assert log.elsewhere(OTHER, [THERE], ["key"], NOW).first == {}
        assert log.elsewhere(LOBBY, [THERE], ["key"], NOW + DAY_MS).first == {}

    def test_as_many_as_a_full_batch_asks_for(self, log: MessageLog) -> None:
        keys = [f"key{number}" for number in range(98)]
        assert log.elsewhere(LOBBY, [THERE, HERE], keys, NOW).first == {}


class TestCopies:
    COPY = Copy(LOBBY, mid(20), HERE, 2, mid(11), THERE)

    def test_they_are_kept_by_their_ids(self, log: MessageLog) -> None:
        other = replace(self.COPY, message_id=mid(30), seq=3)
        elsewhere = replace(self.COPY, room_id=OTHER)
        for copy in (other, self.COPY, elsewhere, self.COPY):
            log.note_copy(copy, ANNA, own=False)
        assert log.copies(LOBBY, mid(0), mid(99)) == [self.COPY, other]
        assert log.copies(LOBBY, mid(20), mid(20)) == [self.COPY]
        assert log.copies(LOBBY, mid(21), mid(29)) == []
        assert log.copies(OTHER, mid(0), mid(99)) == [elsewhere]

    def test_an_own_one_is_nobody_s_in_the_tail(self, log: MessageLog) -> None:
        write(log, message(1), message(2), message(3))
        for sender, own in ((BEN, True), (ANNA, False)):
            log.note_copy(self.COPY, sender, own)
            assert head(log).tail == dict.fromkeys((1, 2, 3), tails.author(ANNA))
        for _ in range(2):
            log.note_copy(self.COPY, ANNA, own=True)
            assert head(log).tail == {1: tails.author(ANNA), 2: 0, 3: tails.author(ANNA)}
        assert log.commit(message(4), head(log), None, NOW) == Committed()
        assert head(log).tail[2] == tails.NOBODY

    def test_one_that_left_the_tail_changes_nothing(self, log: MessageLog) -> None:
        write(log, *(message(seq) for seq in range(1, tails.LENGTH + 4)))
        before = head(log).tail
        log.note_copy(self.COPY, ANNA, own=True)
        assert head(log).tail == before


class TestDeletion:
    def test_marks_the_target_and_drops_its_content(self, log: MessageLog) -> None:
        target = message(1, client_message_id="c")
        act = deletion(2, target)
        write(log, target, act)
        gone = replace(target, deleted=True, content=None)
        assert log.get(LOBBY, HERE, target.message_id) == gone
        assert log.after(LOBBY, HERE, MessageId(""), 9) == [gone, act]

    def test_reaches_the_stream_of_another_region(self, log: MessageLog) -> None:
        target = message(1, region=THERE)
        write(log, target, message(1), deletion(2, target))
        found = log.get(LOBBY, THERE, target.message_id)
        assert found == replace(target, deleted=True, content=None)
        assert head(log, region=THERE) == head_of(target)

    def test_one_that_is_refused_changes_nothing(self, log: MessageLog) -> None:
        target = message(1)
        write(log, target, message(2))
        assert isinstance(log.commit(deletion(2, target), Head(1, None), "d", NOW), Taken)
        assert log.get(LOBBY, HERE, target.message_id) == target

    def test_twice_is_a_duplicate(self, log: MessageLog) -> None:
        target = message(1)
        write(log, target)
        assert log.commit(deletion(2, target), Head(1, None), "d", NOW) == Committed()
        assert isinstance(log.commit(deletion(3, target), Head(2, None), "d", NOW), Duplicate)
        assert head(log).seq == 2

    def test_of_what_is_not_there_writes_nothing(self, log: MessageLog) -> None:
        write(log, message(1))
        with pytest.raises(NotFound):
            log.commit(deletion(2, message(7)), Head(1, None), "d", NOW)
        assert head(log) == Head(1, mid(10))
        assert log.find(LOBBY, "d", NOW) is None
        assert log.get(LOBBY, HERE, mid(70)) is None


class TestTail:
    def test_the_head_says_whose_the_newest_messages_are(self, log: MessageLog) -> None:
        first = message(1)
        write(log, first, message(2))
        authors = {seq: tails.author(message(seq).sender_id) for seq in (1, 2)}
        assert head(log).tail == authors
        draft = deletion(3, first)
        again = replace(draft, content={**draft.content, "seq": 1})
        assert log.commit(again, head(log), None, NOW) == Committed()
        assert head(log).tail == {1: tails.NOBODY, 2: authors[2], 3: tails.NOBODY}
