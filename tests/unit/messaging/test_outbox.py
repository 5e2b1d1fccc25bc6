"""What the log's stream reports and no cursor has passed is queued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib.adapters.memory import MemoryCursors, MemoryQueue
from chalicelib.messaging.outbox import Outbox
from chalicelib.model.delivery import Cursor
from chalicelib.model.identifiers import Stream
from chalicelib.model.log import Entry
from tests.support.stores import HERE, LOBBY, OTHER, message


def checked(delivered: int, *entries: Entry) -> list[tuple[str, int]]:
    """The jobs for these entries in streams of which so many have been delivered."""
    cursors, queue = MemoryCursors(), MemoryQueue()
    if delivered:
        for room_id in (LOBBY, OTHER):
            cursors.advance(replace(message(delivered), room_id=room_id), 0)
    assert Outbox(cursors, queue).check(entries) == len(queue.jobs)
    return [(job.group, job.entry.seq) for job in queue.jobs]


def test_what_was_delivered_needs_no_job() -> None:
    assert checked(5, message(4), message(5)) == []
    assert checked(0) == []


def test_the_newest_entry_s_job_delivers_all_before_it() -> None:
    other = replace(message(4), room_id=OTHER)
    assert checked(3, message(5), message(4), other) == [(LOBBY, 5), (OTHER, 4)]
    assert checked(4, message(5), message(4), other) == [(LOBBY, 5)]


def test_a_stream_without_a_cursor_begins_with_the_oldest() -> None:
    assert checked(0, message(3), message(1), message(2)) == [(LOBBY, 1), (LOBBY, 3)]
    assert checked(0, message(1)) == [(LOBBY, 1)]


def test_a_stream_that_fails_for_its_own_sake_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Faulty(MemoryCursors):
        def of(self, streams: Sequence[Stream]) -> dict[Stream, Cursor]:
            if (OTHER, HERE) in streams:
                raise ValueError("an item that nobody can read")
            return super().of(streams)

    queue = MemoryQueue()
    other = replace(message(4), room_id=OTHER)
    assert Outbox(Faulty(), queue).check([other, message(1)]) == 1
    assert [job.group for job in queue.jobs] == [LOBBY]
    assert "entries_unchecked" in caplog.text
    assert OTHER in caplog.text


def test_the_jobs_are_those_of_senders() -> None:
    """SQS drops the second of two that are queued within five minutes."""
    queue = MemoryQueue()
    Outbox(MemoryCursors(), queue).check([message(1)])
    [job] = queue.jobs
    assert (job.kind, job.dedupe) == ("entry", f"{LOBBY}#{message(1).message_id}")
    assert message(1).region == HERE
