"""What is reported to CloudWatch."""

from __future__ import annotations

from chalicelib.entrypoints import schedules
from tests.support.world import World


def test_connections_and_the_message_rate() -> None:
    world = World()
    world.room("alice", "bob")
    alice, _ = world.connect("alice"), world.connect("bob")
    schedules.report(world.services, {})
    world.sweep()
    for number in range(30):
        body = {"conversation_id": "lobby", "message_type": "text", "content": number}
        world.act(alice, "send_message", **body)
    world.pump()
    world.clock.ms += 60_000 - (world.clock.ms - world.clock.ms // 60_000 * 60_000)
    world.metrics.values.clear()
    reported = schedules.report(world.services, {})
    assert reported["ActiveConnections"] == 2
    assert 30 / 61 < reported["MessageRate"] <= 30 / 1
    units = {name: unit for name, _, unit in world.metrics.values}
    assert units == {"ActiveConnections": "Count", "MessageRate": "Count/Second"}


def test_what_is_not_known_is_not_reported() -> None:
    world = World()
    assert schedules.report(world.services, {}) == {}
    assert world.metrics.values == []


def test_nothing_is_reported_while_redis_is_away() -> None:
    world = World()
    world.connect("alice")
    world.cache.down = True
    assert schedules.report(world.services, {}) == {}
    assert world.metrics.values == []
