"""Records of the streams become jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.composition import compose
from chalicelib.entrypoints import streams
from chalicelib.jobs.delivery import DeliverEntry
from chalicelib.jobs.foreign import DeliverForeign, ForeignChange, NoteCopies
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.identifiers import MessageId, RoomId
from chalicelib.model.replication import Arrival, Replicated, ReplicatedDedupe
from tests.support.stores import LOBBY, OTHER, THERE, message
from tests.support.world import World


class Unreadable:
    def read(self, record: Mapping[str, Any]) -> Arrival | None:
        if "arrival" not in record:
            raise KeyError("dynamodb")
        arrival: Arrival | None = record["arrival"]
        return arrival


def report(world: World, *arrivals: Arrival | None) -> None:
    streams.replicated(world.services, {"Records": [{"arrival": each} for each in arrivals]})


def queued(world: World) -> list[Any]:
    return [*world.adapters.delivery.jobs, *world.adapters.outbound.jobs]


def entry(seq: int, room_id: RoomId = LOBBY) -> Any:
    return replace(message(seq, region=THERE), room_id=room_id)


def test_entries_that_follow_each_other_are_one_job_in_their_stream_s_group() -> None:
    world = World()
    report(world, entry(5), entry(3), entry(4), entry(7), entry(7), entry(1, OTHER))
    jobs = queued(world)
    assert {(job.entry.room_id, job.first, job.entry.seq) for job in jobs} == {
        (LOBBY, 3, 5),
        (LOBBY, None, 7),
        (OTHER, None, 1),
    }
    assert {job.group for job in jobs} == {f"{LOBBY}#{THERE}", f"{OTHER}#{THERE}"}
    assert len({job.dedupe for job in jobs}) == 3


def test_a_job_for_more_entries_is_not_dropped_as_a_duplicate() -> None:
    world = World()
    report(world, entry(6))
    report(world, entry(5), entry(6))
    assert len({job.dedupe for job in queued(world)}) == 2


def test_changes_are_jobs_and_each_once() -> None:
    world = World()
    item = Replicated("memberships", LOBBY, "bob")
    report(world, item, item, Replicated("rooms", LOBBY))
    assert queued(world) == [
        ForeignChange(table="memberships", partition=LOBBY, sort="bob"),
        ForeignChange(table="rooms", partition=LOBBY, sort=""),
    ]


def test_dedupe_items_of_a_stream_are_one_job() -> None:
    world = World()
    found = [ReplicatedDedupe(LOBBY, THERE, MessageId(f"m{number}")) for number in range(150)]
    report(world, *found, ReplicatedDedupe(OTHER, THERE, MessageId("m")))
    jobs = queued(world)
    assert [len(job.message_ids) for job in jobs] == [100, 50, 1]
    assert all(isinstance(job, NoteCopies) for job in jobs)


def test_what_this_region_wrote_and_nobody_delivered_gets_its_own_job() -> None:
    world = World()
    world.adapters.cursors.advance(message(2), 0)
    report(world, message(2), message(3), entry(7), message(4))
    assert {(type(job), job.group, job.entry.seq) for job in queued(world)} == {
        (DeliverEntry, LOBBY, 4),
        (DeliverForeign, f"{LOBBY}#{THERE}", 7),
    }


def test_nothing_is_queued_for_what_has_no_effect() -> None:
    world = World()
    world.services = compose(world.settings, replace(world.adapters, arrivals=Unreadable()))
    report(world, None)
    assert queued(world) == []


def test_a_record_that_cannot_be_read_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.services = compose(world.settings, replace(world.adapters, arrivals=Unreadable()))
    records = [{"eventID": "e1"}, {"arrival": entry(1)}]
    streams.replicated(world.services, {"Records": records})
    assert [type(job) for job in queued(world)] == [DeliverForeign]
    assert "record_unreadable" in caplog.text
    assert "e1" in caplog.text


@pytest.mark.parametrize("queue", ["delivery", "outbound"])
def test_a_queue_that_is_away_fails_the_batch(queue: str) -> None:
    class Away:
        def send(self, jobs: Any) -> None:
            raise Unavailable("the queue does not answer")

    world = World()
    away: Any = Away()
    world.services = compose(world.settings, replace(world.adapters, **{queue: away}))
    with pytest.raises(Unavailable):
        report(world, entry(1), Replicated("rooms", LOBBY))
