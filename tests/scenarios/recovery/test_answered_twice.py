"""A CONNECT is answered once: a job that is received again cuts the transport instead.

A second answer would start a second socket behind the client's back, which has nothing of what came
since the first one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.entrypoints import queues
from chalicelib.jobs.delivery import StartRecovery
from chalicelib.sessions import missed
from tests.support.socketio import Device, say
from tests.support.world import Killed, World, record


def _answers(bob: Device) -> list[str]:
    return [name for name in bob.read() if name == "connect"]


def _starts(world: World) -> list[StartRecovery]:
    return [job for job in world.adapters.delivery.jobs if isinstance(job, StartRecovery)]


@pytest.mark.parametrize("is_back", [True, False])
def test_one_without_recovery_that_broke_off(world: World, alice: str, is_back: bool) -> None:
    """Redis is away for the first run, which dies after its post."""
    bob = Device(world, "bob")
    bob.ask()
    [job] = _starts(world)
    world.trails.down = True
    world.pump(until_ms=world.clock.ms)
    assert _answers(bob) == ["connect"]
    world.trails.down = not is_back
    say(world, alice, "1")
    queues.deliver(world.services, {"Records": [record(job, 2)]})
    assert _answers(bob) == []
    assert bob.closed
    world.trails.down = False
    bob.cut()
    bob.come()
    say(world, alice, "2")
    assert bob.hear() == ["1", "2"]


@pytest.mark.parametrize("is_back", [True, False])
def test_one_without_recovery_that_was_not_posted(world: World, is_back: bool) -> None:
    """It is unknown whether it was, so the client connects again."""
    bob = Device(world, "bob")
    bob.ask()
    [job] = _starts(world)
    world.trails.down = True
    world.poster.dies_in(0)
    with pytest.raises(Killed):
        queues.deliver(world.services, {"Records": [record(job)]})
    world.poster.dies_in(None)
    world.trails.down = not is_back
    queues.deliver(world.services, {"Records": [record(job, 2)]})
    assert _answers(bob) == []
    assert bob.closed


def test_one_of_a_user_with_too_many_streams(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a socket cannot recover, and has no trail."""
    bob = Device(world, "bob")
    bob.ask()
    [job] = _starts(world)
    with monkeypatch.context() as few:
        few.setattr(missed, "MOST_STREAMS", 0)
        world.pump(until_ms=world.clock.ms)
    assert _answers(bob) == ["connect"]
    assert bob.pid is None
    queues.deliver(world.services, {"Records": [record(job, 2)]})
    assert _answers(bob) == []
    assert bob.closed


def _all(world: World) -> None:
    world.pump(until_ms=world.clock.ms)


def _first(world: World) -> None:
    [job] = _starts(world)
    world.adapters.delivery.jobs.remove(job)
    queues.deliver(world.services, {"Records": [record(job)]})


@pytest.mark.parametrize("run", [_all, _first])
def test_one_that_is_left_to_another_job(
    world: World, alice: str, run: Callable[[World], None]
) -> None:
    """A socket that cannot be recovered starts afresh: that is another job, in another group."""
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    assert bob.hear() == ["1"]
    bob.cut()
    bob.offset = f"{bob.offset};one:us-east-1:99999"
    bob.ask()
    [job] = _starts(world)
    run(world)
    queues.deliver(world.services, {"Records": [record(job, 2)]})
    _all(world)
    assert len(_answers(bob)) <= 1
    assert bob.closed
    bob.cut()
    bob.come()
    say(world, alice, "2")
    assert bob.hear() == ["1", "2"]
