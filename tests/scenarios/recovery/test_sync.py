"""A device that comes back with its position gets what it missed, or hears that it cannot."""

from __future__ import annotations

import pytest

from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def send(world: World, connection: str, text: str, **more: str) -> dict:
    data = {"conversation_id": "lobby", "message_type": "text", "content": text, **more}
    return world.act(connection, "send_message", **data)


def test_a_sync_of_all_rooms_comes_in_pages(world: World) -> None:
    rooms = {f"room{number:03}" for number in range(230)}
    for room in rooms:
        world.room("alice", room_id=room)
    alice = world.connect("alice")
    seen: list[str] = []
    after: dict[str, str] = {}
    for page_size in (100, 100, 30):
        answer = world.act(alice, "sync", positions={}, **after)
        assert len(answer["conversations"]) == page_size
        seen += answer["conversations"]
        after = {"after_room": answer["after_room"]}
    assert after == {"after_room": None}
    assert sorted(seen) == sorted(rooms)
    refused = world.ask(alice, "sync", positions={"room000": ""}, after_room="room001")
    assert refused["data"]["code"] == "bad_request"


def test_sync_answers_exactly_what_was_missed_or_says_it_cannot(world: World) -> None:
    world.room("alice", "bob")
    alice = world.connect("alice")
    seen = send(world, alice, "seen")["position"]
    for number in range(5):
        send(world, alice, f"missed {number}")
    world.pump()
    bob = world.connect("bob")
    synced = world.act(bob, "sync", positions={"lobby": seen}, limit=3)["conversations"]["lobby"]
    assert (synced["recovered"], synced["more"]) == (True, True)
    rest_ = world.act(bob, "sync", positions={"lobby": synced["position"]})
    got = synced["messages"] + rest_["conversations"]["lobby"]["messages"]
    assert [message["content"] for message in got] == [f"missed {n}" for n in range(5)]
    unknown = seen.replace(":1:", ":77:")
    honest = world.act(bob, "sync", positions={"lobby": unknown})["conversations"]["lobby"]
    assert honest["recovered"] is False
    assert len(honest["messages"]) == 6
