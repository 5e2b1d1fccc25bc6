"""Runs: what is in a run, and what is left for another job."""

from __future__ import annotations

from chalicelib.messaging import runs
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId
from tests.support.deliveries import HERE, LOBBY, arrived, jobs, large, send, serve
from tests.support.world import World


def test_the_cursor_moves_once_in_a_run() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    texts = [str(number) for number in range(runs.RUN + 5)]
    send(world, alice, *texts)
    world.poster.dies_in(runs.RUN + 2)
    assert not serve(world, *jobs(world, "entry"))
    assert world.adapters.cursors.get(LOBBY, HERE).seq == runs.RUN
    world.poster.dies_in(None)
    assert serve(world, *jobs(world, "entry"))
    assert [each["content"] for each in arrived(world, bob)] == texts[:22] + texts[20:]


def test_a_part_ends_in_its_time_and_queues_its_rest() -> None:
    world, alice, devices = large(users=3)
    texts = [str(number) for number in range(30)]
    send(world, alice, *texts)
    assert serve(world, *jobs(world, "entry"))

    def slowly(_: ConnectionId) -> Outcome | None:
        world.clock.ms += 1_000
        return None

    world.poster.rule = slowly
    start_ms, rounds = world.clock.ms, 0
    while waiting := jobs(world, "room_part"):
        assert serve(world, waiting[0])
        rounds += 1
        assert world.clock.ms - start_ms <= rounds * (runs.RUN_MS + 4_000)
    assert [[e["content"] for e in arrived(world, each)] for each in devices] == [texts] * 3
