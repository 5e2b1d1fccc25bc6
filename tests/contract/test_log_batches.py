"""The contract of `ports.MessageLog`: many entries in one transaction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.model.identifiers import MessageId
from chalicelib.model.log import Committed, Duplicate, Entry, Head, Refused, Taken
from chalicelib.ports.lines import BATCH
from chalicelib.ports.log import MessageLog
from tests.support.ministack import Distorted, Ministack
from tests.support.stores import (
    EMPTY,
    HERE,
    LOBBY,
    NOW,
    RACERS,
    deletion,
    head,
    head_of,
    message,
    mid,
    on_dynamodb,
    write,
)
from tests.support.threads import at_once

Keyed = tuple[Entry, str | None]


def batch(first: int, count: int, start: int | None = None) -> list[Keyed]:
    """Messages from this seq, with keys and ids from `start`."""
    start = first if start is None else start
    return [(message(first + n, 10 * (start + n)), f"k{start + n}") for n in range(count)]


def duplicate(entry: Entry) -> Duplicate:
    return Duplicate(entry.message_id, entry.region, entry.seq, entry.timestamp_ms)


def stored(log: MessageLog) -> list[Entry]:
    return log.after(LOBBY, HERE, MessageId(""), 100)


class TestBatches:
    def test_all_are_written_and_the_head_is_the_last(self, log: MessageLog) -> None:
        target = message(1)
        write(log, target)
        entries = [*batch(2, BATCH - 2), (message(BATCH, 900), None)]
        entries.append((deletion(BATCH + 1, target, message_id=mid(901)), "deletion"))
        assert log.commit_all(entries, head_of(target), NOW) == Committed()
        assert head(log) == head_of(entries[-1][0])
        assert stored(log)[1:] == [entry for entry, _ in entries]
        assert stored(log)[0].deleted
        assert log.find(LOBBY, "k2", NOW) == duplicate(entries[0][0])

    def test_as_large_as_a_batch_can_be(self, log: MessageLog) -> None:
        targets = batch(1, BATCH)
        log.commit_all(targets, EMPTY, NOW)
        entries = [
            (deletion(BATCH + 1 + n, entry, message_id=mid(1000 + n)), f"d{n}")
            for n, (entry, _) in enumerate(targets)
        ]
        assert log.commit_all(entries, head_of(targets[-1][0]), NOW) == Committed()
        assert all(entry.deleted for entry in stored(log)[:BATCH])
        large = [
            (message(2 * BATCH + 1 + n, 2000 + n, content="x" * 65_000), f"l{n}")
            for n in range(BATCH)
        ]
        assert log.commit_all(large, head_of(entries[-1][0]), NOW) == Committed()

    def test_a_head_elsewhere_writes_none(self, log: MessageLog) -> None:
        write(log, message(1), message(2))
        assert log.commit_all(batch(2, 3), Head(1, mid(10)), NOW) == Taken(Head(2, mid(20)))
        late = [(message(3, 19), "a"), (message(4, 21), "b")]
        assert log.commit_all(late, Head(2, None), NOW) == Taken(Head(2, mid(20)))
        assert (len(stored(log)), log.find(LOBBY, "a", NOW)) == (2, None)

    def test_what_a_dead_leader_committed_is_told_with_the_head(self, log: MessageLog) -> None:
        done = batch(1, 3)
        log.commit_all(done, EMPTY, NOW)
        again = [
            (replace(entry, message_id=mid(500 + n)), key) for n, (entry, key) in enumerate(done)
        ]
        again.append((message(4, 510), "new"))
        known = {n: duplicate(entry) for n, (entry, _) in enumerate(done)}
        assert log.commit_all(again, EMPTY, NOW) == Refused(known, Head(3, mid(30)))
        assert log.find(LOBBY, "new", NOW) is None
        assert stored(log) == [entry for entry, _ in done]

    def test_one_duplicate_on_the_true_head(self, log: MessageLog) -> None:
        [first, *_] = done = batch(1, 2)
        log.commit_all(done, EMPTY, NOW)
        entries = [(message(3, 300), "new"), (message(4, 310), "k1")]
        known = {1: duplicate(first[0])}
        assert log.commit_all(entries, Head(2, None), NOW) == Refused(known)
        assert log.commit_all(entries[:1], Head(2, None), NOW) == Committed()

    def test_a_deletion_of_nothing(self, log: MessageLog) -> None:
        entries = [(message(1), "a"), (deletion(2, message(9)), "b")]
        assert log.commit_all(entries, EMPTY, NOW) == Refused({1: None})
        assert stored(log) == []

    def test_refuses_to_leave_a_hole(self, log: MessageLog) -> None:
        for entries in ([(message(2), None)], [(message(1), None), (message(3), None)]):
            with pytest.raises(ValueError, match="must be previous"):
                log.commit_all(entries, EMPTY, NOW)

    def test_of_many_batches_at_once_one_wins(self, log: MessageLog) -> None:
        results = at_once(RACERS, lambda n: log.commit_all(batch(1, 3, 10 * n + 1), EMPTY, NOW))
        assert sum(isinstance(each, Committed) for each in results) == 1
        assert [entry.seq for entry in stored(log)] == [1, 2, 3]


class TestOnDynamoDB:
    def test_a_batch_is_one_call(self, ministack: Ministack) -> None:
        dynamodb = Distorted(ministack.client("dynamodb"))
        log = on_dynamodb(dynamodb, ministack.prefix).log
        log.commit_all(batch(1, BATCH), EMPTY, NOW)
        assert isinstance(log.commit_all(batch(1, BATCH, 90), EMPTY, NOW), Taken)
        assert isinstance(log.commit_all(batch(1, BATCH), EMPTY, NOW), Refused)
        assert dynamodb.operations() == ["transact_write_items"] * 3
