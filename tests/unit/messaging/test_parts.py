"""Parts of a large room: what they cost, and how a stream is split and joined.

tests/scenarios/in_order/test_large_rooms.py has what devices see of them.
"""

from __future__ import annotations

from chalicelib.messaging.fanout import PARTS, part_of
from chalicelib.model.identifiers import UserId
from tests.support.counting import counted
from tests.support.deliveries import HERE, LOBBY, USERS, jobs, large, send, serve
from tests.support.world import record


def test_a_part_costs_what_its_connected_cost_and_its_job_carries_no_targets() -> None:
    world, alice, _ = large()
    send(world, alice, "one")
    assert serve(world, *jobs(world, "entry"))
    ports = counted(world)
    served = jobs(world, "room_part")
    assert len(served) == PARTS
    for job in served:
        assert serve(world, job)
    assert ports["cursors"].calls == ["parts", "advance"] * PARTS
    assert ports["log"].calls == ports["rooms"].calls == ports["connections"].calls == []
    used = {part_of(UserId(user)) for user in ["alice", *USERS]}
    assert ports["cache"].calls.count("members") == 1
    assert ports["cache"].calls.count("version") == PARTS - 1
    assert ports["cache"].calls.count("online") == len(used)
    assert max(len(record(job)["body"]) for job in served) < 1_000


def test_of_a_room_that_is_large_for_long_the_stream_s_worker_asks_for_nobody() -> None:
    world, alice, _ = large()
    send(world, alice, "one")
    world.pump(until_ms=world.clock.ms)
    send(world, alice, "two")
    ports = counted(world)
    assert serve(world, *jobs(world, "entry"))
    assert ports["cursors"].calls == ["get", "advance"]
    assert ports["cache"].calls == ["deliver"]
    assert ports["delivery"].calls == ["send"]


def test_a_worker_that_is_paused_and_wakes_up_splits_and_joins_nothing() -> None:
    world, alice, _ = large()
    cursors = world.adapters.cursors
    before = cursors.get(LOBBY, HERE)
    send(world, alice, "one")
    world.pump(until_ms=world.clock.ms)
    assert not cursors.split(LOBBY, HERE, before, 0)
    assert not cursors.join(LOBBY, HERE, before.seq)
    assert cursors.get(LOBBY, HERE).split is not None
