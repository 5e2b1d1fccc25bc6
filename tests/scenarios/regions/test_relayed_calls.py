"""What an event that no table holds costs where it happens and where it arrives, counted."""

from __future__ import annotations

from collections import Counter

import pytest

from chalicelib.model.replication import Replicated
from tests.support.counting import Counting, counted
from tests.support.deployment import EU, US, Deployment

PORTS = ("cache", "presence", "consents", "topic", "outbound", "inbox", "connections", "rooms")


def calls(ports: dict[str, Counting]) -> str:
    found = Counter(f"{port}.{name}" for port in PORTS for name in ports[port].calls)
    return " ".join(f"{name}:{count}" for name, count in sorted(found.items()))


def publish(act: str) -> tuple[str, str]:
    """The calls of the event's job in the region of the event, and in the other one."""
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob")
    alice, bob = deployment[US].connect("alice"), deployment[EU].connect("bob")
    deployment.pump()
    for region, user, origin in ((US, "bob", EU), (EU, "alice", US)):
        deployment.report(region, [Replicated("presence", user, origin)])
    deployment[EU].act(bob, "join_room", room_id="lobby")
    deployment.pump()
    message = deployment.send(EU, "hello", user="bob", delivery_receipt=True)
    deployment.replicate()
    for action in ("join_room", "typing_start", "typing_stop", "leave_room"):  # all is cached
        data = {"room_id" if "room" in action else "conversation_id": "lobby"}
        deployment[US].act(alice, action, **data)
        deployment.pump()
        deployment.pass_ms(10)
    of_message = {"conversation_id": "lobby", "message_id": message["message_id"]}
    data = {
        "typing_start": {"conversation_id": "lobby"},
        "join_room": {"room_id": "lobby"},
        "message_delivered": of_message,
    }
    deployment[US].act(alice, act, **data[act])
    here, there = counted(deployment[US]), counted(deployment[EU])
    for region in (US, EU):
        deployment[region].pump(until_ms=deployment[region].clock.ms)
    return calls(here), calls(there)


EXPECTED = {
    "typing_start": (
        "cache.deliver:1 cache.elsewhere:1 cache.joined:1 cache.start_typing:1 topic.publish:1",
        "cache.joined:1 cache.start_typing:1 outbound.send:1",
    ),
    "join_room": (
        "cache.deliver:1 cache.elsewhere:1 cache.joined:2 topic.publish:1",
        "cache.joined:2 cache.newest_view:1",
    ),
    "message_delivered": (
        "cache.claim:1 cache.elsewhere:1 cache.members:1 cache.online:1 "
        "consents.get:1 presence.get_many:1 topic.publish:1",
        "cache.claim:1 cache.online:1",
    ),
}


@pytest.mark.parametrize("act", EXPECTED)
def test_an_event(act: str) -> None:
    assert publish(act) == EXPECTED[act]
