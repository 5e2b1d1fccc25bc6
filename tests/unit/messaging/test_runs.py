"""Runs: what is in a run, and what is left for another job."""

from __future__ import annotations

from chalicelib.messaging import runs, serving
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId
from tests.support.counting import counted
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
    last = jobs(world, "entry")[-1]
    assert not serve(world, last)
    assert world.adapters.cursors.get(LOBBY, HERE).seq == runs.RUN
    world.poster.dies_in(None)
    assert serve(world, last)
    assert [each["content"] for each in arrived(world, bob)] == texts[:22] + texts[20:]


def test_when_messages_come_faster_than_posts_a_run_takes_what_no_job_has_named_yet() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    texts = [str(number) for number in range(runs.CROWDED_RUN + 10)]
    send(world, alice, "first", *texts)
    first, *others = jobs(world, "entry")
    assert serve(world, first)
    ports = counted(world)
    assert serve(world, *others[:10])
    assert [each["content"] for each in arrived(world, bob)][1:] == texts[: runs.CROWDED_RUN]
    assert ports["log"].calls == ["after"]
    assert ports["poster"].calls == ["post"] * (runs.CROWDED_RUN // serving.CROWDED_WINDOW)
    assert serve(world, *others[10:])
    assert [each["content"] for each in arrived(world, bob)][1:] == texts, "each of them once"


def test_after_a_failure_the_steps_are_small_again() -> None:
    world = World()
    world.room("alice", "bob")
    alice = world.connect("alice")
    world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    send(world, alice, *map(str, range(runs.RUN + 5)))
    waiting = jobs(world, "entry")
    for attempt, seq in ((1, 0), (2, runs.RUN)):
        world.poster.dies_in(runs.RUN + 2)
        assert not serve(world, *waiting, receives=attempt)
        assert world.adapters.cursors.get(LOBBY, HERE).seq == seq


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
