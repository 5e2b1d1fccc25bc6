"""Receipts: who has read how far, who is told, and what is unread."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.model.identifiers import MessageId, RoomId, UserId
from chalicelib.model.receipts import MAX_UNREAD, Marker
from chalicelib.social import receipts
from tests.support.counting import counted
from tests.support.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob", "carol")
    return world


def say(world: World, device: str, text: str, room: str = "lobby") -> str:
    body = {"conversation_id": room, "message_type": "text", "content": text}
    message_id = world.act(device, "send_message", **body)["message_id"]
    world.clock.ms += 1
    world.pump()
    return str(message_id)


def read(world: World, device: str, message_id: str) -> None:
    world.act(device, "message_read", conversation_id="lobby", message_id=message_id)
    world.pump()


def told(world: World, device: str) -> list[tuple[str, str]]:
    events = world.poster.to(device, "message_read")
    return [(event["message_id"], event["reader_id"]) for event in events]


def unread(world: World, user: str, room: str = "lobby") -> int:
    listed = world.http(rest.list_rooms, user).body["rooms"]
    [found] = [each["unread"] for each in listed if each["room_id"] == room]
    return int(found)


def test_the_sender_s_devices_are_told_and_nobody_else_s(world: World) -> None:
    alice, phone, bob, carol = (world.connect(u) for u in ("alice", "alice", "bob", "carol"))
    message_id = say(world, alice, "hi")
    read(world, bob, message_id)
    assert told(world, alice) == told(world, phone) == [(message_id, "bob")]
    assert told(world, bob) == told(world, carol) == []
    [event] = world.poster.to(alice, "message_read")
    assert set(event) == {"message_id", "reader_id", "conversation_id", "read_at"}
    assert event["conversation_id"] == "lobby"


def test_the_reader_s_other_devices_are_told_too(world: World) -> None:
    alice, bob, tablet = world.connect("alice"), world.connect("bob"), world.connect("bob")
    first, second = say(world, alice, "hi"), say(world, alice, "there")
    read(world, bob, second)
    assert told(world, tablet) == [(second, "bob")]
    assert told(world, bob) == []
    read(world, bob, first)
    assert told(world, tablet) == [(second, "bob")], "nothing was read that was not before"


def test_a_marker_covers_what_is_before_it(world: World) -> None:
    alice, bob, carol = (world.connect(user) for user in ("alice", "bob", "carol"))
    first, second = say(world, alice, "1"), say(world, alice, "2")
    third = say(world, carol, "3")
    read(world, bob, third)
    assert told(world, alice) == [(second, "bob")], "her newest one: it covers the first"
    assert told(world, carol) == [(third, "bob")]
    fourth = say(world, alice, "4")
    read(world, bob, fourth)
    assert told(world, alice) == [(second, "bob"), (fourth, "bob")]
    assert told(world, carol) == [(third, "bob")], "nothing of hers is new"
    read(world, bob, first)
    assert len(told(world, alice)) == 2, "a marker does not move back"


def test_unread_counts_others_messages_after_the_marker(world: World) -> None:
    alice, bob, tablet = world.connect("alice"), world.connect("bob"), world.connect("bob")
    ids = [say(world, alice, str(number)) for number in range(5)]
    say(world, bob, "mine")
    assert (unread(world, "bob"), unread(world, "alice")) == (5, 1)
    read(world, bob, ids[2])
    read(world, tablet, ids[1])
    assert unread(world, "bob") == 2
    gone = say(world, alice, "deleted")
    assert unread(world, "bob") == 3
    world.act(alice, "delete_message", conversation_id="lobby", message_id=gone)
    assert unread(world, "bob") == 2
    synced = world.act(tablet, "sync", positions={})["conversations"]["lobby"]
    assert (synced["unread"], synced["last_read_message_id"]) == (2, ids[2])
    read(world, tablet, gone)
    assert unread(world, "bob") == 0


def test_who_joins_later_begins_with_nothing_unread(world: World) -> None:
    alice = world.connect("alice")
    for number in range(3):
        say(world, alice, str(number))
    world.clock.ms += 10
    assert world.http(rest.add_member, "alice", {"user_id": "dave"}, room_id="lobby").status == 201
    assert unread(world, "dave") == 0
    world.clock.ms += 10
    say(world, alice, "new")
    assert unread(world, "dave") == 1


def test_counting_stops_at_the_most(world: World) -> None:
    alice = world.connect("alice")
    for number in range(MAX_UNREAD + 5):
        say(world, alice, str(number))
    assert unread(world, "bob") == MAX_UNREAD


def test_is_read_is_what_the_viewer_may_know(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    first, second = say(world, alice, "1"), say(world, alice, "2")
    read(world, bob, first)

    def flags(user: str) -> list[bool]:
        listed = world.http(rest.list_messages, user, room_id="lobby").body["messages"]
        return [each["is_read"] for each in listed]

    assert flags("alice") == [True, False], "bob has read it"
    assert flags("bob") == [True, False], "he himself has read it"
    assert flags("carol") == [False, False]
    synced = world.act(alice, "sync", positions={})["conversations"]["lobby"]["messages"]
    assert [(m["message_id"], m["is_read"]) for m in synced] == [(first, True), (second, False)]


def test_is_read_has_no_ceiling_of_readers(world: World) -> None:
    alice, zoe = world.connect("alice"), world.connect("carol")
    first = say(world, alice, "1")
    for number in range(1_100):
        marker = Marker(UserId(f"a{number:04}"), MessageId("0" * 26), 1)
        world.adapters.markers.move(RoomId("lobby"), world.services.region, marker)
    read(world, zoe, first)
    listed = world.http(rest.list_messages, "alice", room_id="lobby").body["messages"]
    assert [each["is_read"] for each in listed] == [True]
    listed = world.http(rest.list_messages, "carol", room_id="lobby").body["messages"]
    assert [each["is_read"] for each in listed] == [True]


def test_own_reading_does_not_make_an_own_message_read(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    first, second = say(world, alice, "1"), say(world, alice, "2")
    read(world, alice, second)
    read(world, bob, first)
    listed = world.http(rest.list_messages, "alice", room_id="lobby").body["messages"]
    assert [each["is_read"] for each in listed] == [True, False]


@pytest.mark.parametrize("message_id", ["0" * 26, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"])
def test_only_messages_of_the_room_are_read(world: World, message_id: str) -> None:
    bob = world.connect("bob")
    answer = world.ask(bob, "message_read", conversation_id="lobby", message_id=message_id)
    assert answer["data"]["code"] == "not_found"
    assert unread(world, "bob") == 0


def test_the_same_again_is_told_again_once(world: World) -> None:
    """The first may have died before it queued its receipt."""
    alice, bob = world.connect("alice"), world.connect("bob")
    first, message_id = (say(world, alice, text) for text in ("one", "two"))
    for _ in range(2):
        read(world, bob, message_id)
    assert told(world, alice) == [(message_id, "bob")] * 2
    ports = counted(world)
    posts = world.poster.calls
    for _ in range(3):
        read(world, bob, message_id)
        read(world, bob, first)
    assert world.poster.calls == posts
    assert ports["outbound"].calls == []
    assert set(ports["log"].calls) <= {"get", "find"}
    assert ports["markers"].calls == ["move"] * 6


def test_in_a_large_room_receipts_become_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "RECEIPTS_UP_TO", 2)
    alice = world.connect("alice")
    message_id = say(world, alice, "hi")
    for user in ("bob", "carol"):
        device = world.connect(user)
        data: dict[str, Any] = {"conversation_id": "lobby", "message_id": message_id}
        world.act(device, "message_read", **data)
    assert world.poster.to(alice, "message_read") == []
    world.pump()
    [event] = world.poster.to(alice, "message_read")
    assert (event["message_id"], event["reader_id"], event["read_count"]) == (message_id, None, 2)


def test_each_moved_marker_is_noted_for_large_rooms(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    message_id = say(world, alice, "hi")
    ports = counted(world)
    read(world, bob, message_id)
    assert ports["markers"].calls == ["move", "note"]


def test_unread_of_a_marker_of_an_earlier_version_is_counted_from_the_messages(
    world: World,
) -> None:
    alice = world.connect("alice")
    ids = [say(world, alice, str(number)) for number in range(3)]
    marker = Marker(UserId("bob"), MessageId(ids[0]), 1)
    world.adapters.markers.move(RoomId("lobby"), world.services.region, marker)
    assert unread(world, "bob") == 2
