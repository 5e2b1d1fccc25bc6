"""Every call of a sender that delivers fails once, in each way; its job delivers what is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.model.delivery import Outcome
from tests.support.deliveries import HERE, LOBBY, behind, got
from tests.support.faults import How, Plan, at_every_call
from tests.support.lanes import laned, shown, warmed
from tests.support.socketio import Device
from tests.support.world import Killed, World


def say(world: World, device: str, number: int) -> None:
    """Send as a client does: again, with the same id, until there is an ack."""
    body: dict[str, Any] = {"conversation_id": LOBBY, "message_type": "text"}
    for _ in range(3):
        try:
            answer = world.ask(
                device, "send_message", content=str(number), client_message_id=f"c{number}", **body
            )
        except Killed:
            continue
        if answer["event"] == "ack":
            return
    raise AssertionError("one fault cannot refuse a message three times")


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("lane_first", [True, False])
@pytest.mark.parametrize("slow", [False, True])
def test_nothing_is_lost_or_overtaken(how: How, lane_first: bool, slow: bool) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = laned(lane_first=lane_first)
        alice, bob = world.connect("alice"), world.connect("bob")
        carol = Device(world, "carol").come()
        warmed(world, alice)
        if slow:
            world.poster.script[bob] = [Outcome.THROTTLED]
        plan = planted(world)
        say(world, alice, 1)
        say(world, alice, 2)
        plan.over = True
        say(world, alice, 3)
        world.pump()
        assert got(world, bob) == ["first", "1", "2", "3"]
        assert shown(world, carol) == ["first", "1", "2", "3"]
        assert behind(world) == {}
        assert world.adapters.cursors.get(LOBBY, HERE).seq == 4

    struck = at_every_call(how, case)
    calls = {"cache.take_lane", "cursors.advance", "cache.release_lease", "delivery.send"}
    assert calls <= set(struck)
