"""A client that leaves a namespace and comes back over the same transport."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.entrypoints import queues
from chalicelib.jobs.delivery import StartRecovery
from tests.support.socketio import Device, say
from tests.support.world import Killed, World, record


@pytest.mark.parametrize("namespace", ["/", "/moments"])
def test_it_comes_back_over_the_same_transport(world: World, namespace: str) -> None:
    bob = Device(world, "bob", namespace).come()
    for _ in range(3):
        bob.leave()
        world.clock.ms += 400
        sid = bob.sid
        bob.come_back()
        assert (bob.recovered, bob.sid) == (True, sid)
        assert not bob.closed
    assert world.say(bob.id, f"42{bob._prefix}7" + '["hello",{}]').startswith("43")


def test_it_gets_what_it_missed_between_the_two(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    assert bob.hear() == ["1"]
    bob.leave()
    say(world, alice, "2")
    assert bob.come_back().recovered
    say(world, alice, "3")
    assert bob.hear() == ["1", "2", "3"]
    assert not bob.closed


def test_it_may_come_back_as_another_socket(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.leave()
    bob.pid = None
    bob.come_back()
    assert not bob.closed
    say(world, alice, "1")
    assert bob.hear() == ["1"]


def test_an_answer_that_is_repeated_changes_nothing_once_it_was_given(world: World) -> None:
    """SQS may deliver the job again although its first run has ended."""
    bob = Device(world, "bob")
    bob.ask()
    [job] = [job for job in world.adapters.delivery.jobs if job.kind == "recovery_start"]
    world.pump(until_ms=world.clock.ms)
    assert "connect" in bob.read()
    queues.deliver(world.services, {"Records": [record(job, 2)]})
    assert bob.read() == []
    assert not bob.closed


def test_an_answer_that_broke_off_cuts_the_transport(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.leave()
    world.poster.dies_in(1)
    bob._connect()
    with pytest.raises((AssertionError, Killed)):
        world.pump(rounds=3)
    world.poster.dies_in(None)
    world.pump(until_ms=world.clock.ms)
    assert bob.closed


def test_an_answer_queued_by_an_earlier_version_is_given_or_the_transport_is_cut(
    world: World,
) -> None:
    """Such a job does not say which CONNECT it answers."""
    bob = Device(world, "bob")
    bob.ask()
    _without_attempt(world)
    world.pump(until_ms=world.clock.ms)
    assert "connect" in bob.read()
    bob.leave()
    bob._connect()
    _without_attempt(world)
    world.pump(until_ms=world.clock.ms)
    assert bob.closed


def _without_attempt(world: World) -> None:
    """Let the waiting answers be of an earlier version."""
    jobs = world.adapters.delivery.jobs
    jobs[:] = [replace(j, attempt="") if isinstance(j, StartRecovery) else j for j in jobs]
