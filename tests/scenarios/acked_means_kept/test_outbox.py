"""Nobody sends again: what was committed is delivered, as the log's stream reports it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.kernel.errors import Unavailable
from chalicelib.model.identifiers import MessageId
from tests.support.deliveries import HERE, LOBBY, behind, got
from tests.support.faults import How, Plan, at_every_call
from tests.support.lanes import laned, shown, streamed, warmed, work
from tests.support.socketio import Device
from tests.support.world import Killed, World


def say(world: World, device: str, text: str) -> Any:
    with contextlib.suppress(Killed):
        return world.ask(
            device, "send_message", conversation_id=LOBBY, message_type="text", content=text
        )


def log(world: World) -> list[Any]:
    found = world.adapters.log.after(LOBBY, HERE, MessageId(""), 100)
    return [entry.content for entry in found]


@contextlib.contextmanager
def away(world: World) -> Iterator[None]:
    """The queue of deliveries does not answer."""

    def refuse(jobs: Any) -> None:
        raise Unavailable("the queue does not answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.adapters.delivery, "send", refuse)
        yield


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("fast_lane", [50, 0])
def test_a_sender_that_fails_at_any_call(how: How, fast_lane: int) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = laned(outbox=True, fast_lane=fast_lane)
        alice, bob = world.connect("alice"), world.connect("bob")
        carol = Device(world, "carol").come()
        warmed(world, alice)
        plan = planted(world)
        say(world, alice, "1")
        say(world, alice, "2")
        plan.over = True
        streamed(world)
        world.pump()
        assert got(world, bob) == log(world)
        assert shown(world, carol) == log(world)
        assert behind(world) == {}

    struck = at_every_call(how, case)
    assert "log.commit" in struck
    assert ("cache.take_lane" if fast_lane else "delivery.send") in struck


@pytest.mark.parametrize("how", How)
def test_the_trigger_fails_at_any_call_and_is_repeated(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = laned(outbox=True, fast_lane=0)
        alice, bob = world.connect("alice"), world.connect("bob")
        with away(world):
            say(world, alice, "1")
            say(world, alice, "2")
        plan = planted(world)
        with contextlib.suppress(Killed, Unavailable):
            streamed(world)
        plan.over = True
        streamed(world)
        world.pump()
        assert got(world, bob) == ["1", "2"]

    assert set(at_every_call(how, case)) == {"cursors.of", "delivery.send"}


def test_a_queue_that_is_away_refuses_no_message() -> None:
    world = laned(outbox=True, fast_lane=0)
    alice, bob = world.connect("alice"), world.connect("bob")
    with away(world):
        assert say(world, alice, "1")["event"] == "ack"
    world.wait(3_600)
    streamed(world)
    assert work(world)
    assert got(world, bob) == ["1"]
