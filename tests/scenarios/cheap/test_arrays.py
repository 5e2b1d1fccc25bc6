"""A client that takes arrays costs one post for several messages."""

from __future__ import annotations

import json

from chalicelib.entrypoints import queues, websocket
from tests.support.socketio import send
from tests.support.world import World, record


def connect(world: World, user: str, **query: str) -> str:
    connection_id = f"{user}="
    event = world.connect_event(connection_id, world.token(user))
    event["queryStringParameters"].update(query)
    assert websocket.connect(world.services, event)["statusCode"] == 200
    return connection_id


def test_what_is_delivered_together_comes_in_one_post() -> None:
    world = World()
    world.room("alice", "bob", "carol", "dan")
    alice = world.connect("alice")
    bob, carol = connect(world, "bob", arrays="true"), connect(world, "carol")
    dan = connect(world, "dan", arrays="yes")
    world.pump(until_ms=world.clock.ms)
    for content in ("1", "2", "3"):
        send(world, alice, content, "lobby")
    batch = [record(job) for job in world.adapters.delivery.jobs]
    assert queues.deliver(world.services, {"Records": batch}) == {"batchItemFailures": []}

    def heard(connection_id: str) -> list[list[str]]:
        frames = [json.loads(text) for to, text in world.poster.raw if to == connection_id]
        told = [each if isinstance(each, list) else [each] for each in frames]
        return [[event["data"]["content"] for event in events] for events in told]

    assert heard(bob) == [["1", "2", "3"]]
    assert heard(carol) == heard(dan) == [["1"], ["2"], ["3"]]
