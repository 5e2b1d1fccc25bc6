"""What reading and writing cost with one, two and three regions, counted on the twins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from chalicelib.entrypoints.http import rest
from tests.support.counting import counted
from tests.support.deployment import AP, EU, US, Deployment
from tests.support.world import World

Act = Callable[[World, str, str], object]


def send(world: World, device: str, _: str) -> object:
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    return world.act(device, "send_message", client_message_id="c-new", **body)


def sync(world: World, device: str, position: str) -> object:
    return world.act(device, "sync", positions={"lobby": position})


def newest_page(world: World, _: str, __: str) -> object:
    return world.http(rest.list_messages, "bob", room_id="lobby")


def read(world: World, device: str, position: str) -> object:
    message_id = position.rpartition(":")[2]
    return world.act(device, "message_read", conversation_id="lobby", message_id=message_id)


@pytest.mark.parametrize(
    ("act", "of_one", "of_two", "of_three"),
    [
        (send, "commit:1", "commit:1 elsewhere:1", "commit:1 elsewhere:1"),
        (
            sync,
            "heads:2",
            "after:1 copies:1 heads:2",
            "after:2 copies:1 heads:2",
        ),
        (
            newest_page,
            "before:1",
            "before:3 copies:1 heads:1",
            "before:5 copies:1 heads:1",
        ),
        (read, "get:1", "before:1 get:1", "before:2 get:1"),
    ],
    ids=["send", "sync", "newest page", "message_read"],
)
def test_calls_of_the_log(act: Act, of_one: str, of_two: str, of_three: str) -> None:
    for regions, expected in (((US,), of_one), ((US, EU), of_two), ((US, EU, AP), of_three)):
        deployment = Deployment(*regions)
        deployment.room("alice", "bob")
        world = deployment[US]
        device = world.connect("bob")
        first = deployment.send(US, "first", client_message_id="c0")
        read(world, device, first["position"])
        synced = world.act(device, "sync", positions={"lobby": ""})
        position = synced["conversations"]["lobby"]["position"]
        for region in regions[1:] or regions:
            deployment.send(region, "more", client_message_id=f"c-{region}")
        deployment.replicate()
        send_position = deployment.send(US, "last")["position"]
        world.pump(until_ms=world.clock.ms)
        ports = counted(world)
        act(world, device, send_position if act is read else position)
        calls = sorted(Counter(ports["log"].calls).items())
        assert " ".join(f"{name}:{count}" for name, count in calls) == expected, regions
