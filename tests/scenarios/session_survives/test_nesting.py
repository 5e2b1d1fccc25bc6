"""Nesting is bounded at every door before anything is written, and what is let in comes through."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel import nesting
from chalicelib.model.identifiers import RoomId
from chalicelib.wire import jsonwire, socketio
from chalicelib.wire.engineio import ProtocolError
from tests.support.nesting import DEEPEST, TOO_DEEP, nested
from tests.support.world import World

TEXT = {"message_type": "text"}
FAR_TOO_DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    return world


def written(world: World) -> tuple[Any, ...]:
    """What the stores and queues hold."""
    a = world.adapters
    log: Any = a.log
    rooms: Any = a.rooms
    queued = len(a.delivery.jobs), len(a.outbound.jobs)
    return dict(log._heads), set(rooms._rooms.partitions()), queued


@pytest.mark.parametrize("content", [TOO_DEEP, nested(500)])
def test_a_frame_with_content_too_deep(world: World, content: Any) -> None:
    alice = world.connect("alice")
    before = written(world)
    answer = world.ask(alice, "send_message", conversation_id="lobby", content=content, **TEXT)
    assert answer["data"]["code"] == "bad_request"
    assert "64 levels" in answer["data"]["message"]
    assert answer["id"] == 1, "whoever asked knows which frame it was"
    assert written(world) == before
    assert world.act(alice, "hello")


@pytest.mark.parametrize(
    "frame",
    [
        FAR_TOO_DEEP,
        '{"action":"send_message","id":7,"data":{"content":' + FAR_TOO_DEEP + "}}",
        '{"action":"hello","data":{"x":' + json.dumps(nested(500)) + "}}",
        json.dumps({"action": "hello", "id": nested(500)}),
        json.dumps({"action": nested(500)}),
        json.dumps({"action": "sync", "data": {"positions": {"lobby": nested(900)}}}),
    ],
)
def test_a_frame_too_deep(world: World, frame: str) -> None:
    alice = world.connect("alice")
    request = jsonwire.decode(frame)
    assert request.fault is not None
    assert "64 levels" in str(request.fault)
    if frame.startswith("{"):  # the gateway's other frames are Engine.IO's
        answer = world.frame(alice, frame)
        assert answer["data"]["code"] == "bad_request"
        assert "64 levels" in answer["data"]["message"]
    assert world.act(alice, "hello")


@pytest.mark.parametrize("deep", [json.dumps(TOO_DEEP), json.dumps(nested(500)), FAR_TOO_DEEP])
def test_bodies_too_deep(world: World, deep: str) -> None:
    world.connect("alice")
    before = written(world)
    head = '{"message_type":"text","content":'
    bodies = [
        (rest.post_message, head + deep + "}", {"room_id": "lobby"}),
        (rest.post_moment, head + deep + "}", {}),
        (rest.post_notification, head[:-1] + ":" + deep + ',"user_id":"bob"}', {}),
        (
            rest.create_room,
            '{"room_type":"group_chat","participants":[],"metadata":{"a":' + deep + "}}",
            {},
        ),
        (rest.post_message, deep, {"room_id": "lobby"}),
    ]
    for endpoint, body, path in bodies:
        headers = {"Authorization": f"Bearer {world.token('alice', roles=['service'])}"}
        answer = rest.handle(world.services, rest.HttpRequest(headers, {}, path, body), endpoint)
        assert answer.status == 400, (endpoint, answer)
        assert answer.body["error"]["code"] == "bad_request"
    assert written(world) == before, "no room of moments or notifications either"


@pytest.mark.parametrize("deep", [json.dumps(TOO_DEEP), json.dumps(nested(500)), FAR_TOO_DEEP])
def test_an_event_too_deep_is_answered(deep: str) -> None:
    packet = socketio.decode('27["send_message",{"content":[[' + deep + "]]}]")
    assert (packet.data, packet.ack_id) == (["send_message"], 7)
    assert "64 levels" in str(packet.fault)
    binary = socketio.decode('51-["x",' + deep + ',{"_placeholder":true,"num":0}]')
    assert binary.fault is None or binary.data == ["x"]
    for other in ("0", "3", "4"):
        with pytest.raises(ProtocolError):
            socketio.decode(other + '[[["x",' + deep + "]]]")


def test_the_deepest_event_is_a_packet_as_it_came() -> None:
    event = ["send_message", {"content": DEEPEST}]
    packet = socketio.decode("2" + json.dumps(event))
    assert (packet.data, packet.fault) == (event, None)
    assert json.loads(str(socketio.encode(packet)[0])[1:]) == event


def test_the_deepest_content_through_http_on_every_path(world: World) -> None:
    bob = world.connect("bob")
    metadata = {"a": nested(nesting.MAX_DEPTH - 1)}
    body = {"room_type": "group_chat", "participants": ["bob"], "metadata": metadata}
    made = world.http(rest.create_room, "alice", {**body, "room_id": "deep"})
    assert made.status == 201, made
    answer = world.http(rest.post_message, "alice", {**TEXT, "content": DEEPEST}, room_id="deep")
    assert answer.status == 201
    assert answer.body["content"] == DEEPEST
    world.pump()
    assert world.poster.to(bob, "message_received")[-1]["content"] == DEEPEST
    [room] = [r for r in world.http(rest.list_rooms, "bob").body["rooms"] if r["room_id"] == "deep"]
    assert room["metadata"] == metadata
    assert room["unread"] == 1
    history = world.http(rest.list_messages, "bob", room_id="deep").body["messages"]
    assert [each["content"] for each in history] == [DEEPEST]
    for positions in ({}, {"deep": ""}):
        synced = world.act(bob, "sync", positions=positions)["conversations"]["deep"]
        assert [each["content"] for each in synced["messages"]] == [DEEPEST]


def test_the_deepest_moment_and_notification(world: World) -> None:
    bob = world.connect("bob")
    assert world.http(rest.post_moment, "bob", {"content": DEEPEST}).status == 201
    body = {"content": DEEPEST, "user_id": "bob"}
    assert world.http(rest.post_notification, "robot", body, roles=["service"]).status == 201
    world.pump()
    assert world.http(rest.list_moments, "bob").body["moments"][0]["content"] == DEEPEST
    listed = world.http(rest.list_notifications, "bob").body["notifications"]
    assert listed[0]["content"] == DEEPEST
    assert world.poster.to(bob, "notification")[-1]["content"] == DEEPEST


def test_what_is_older_than_the_bound_is_shown_as_unreadable(world: World) -> None:
    """A message and a room's metadata of before there was a bound spoil nobody's answer."""
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "send_message", conversation_id="lobby", content="old", **TEXT)
    log: Any = world.adapters.log
    rooms: Any = world.adapters.rooms
    [entries] = log._entries.values()
    for message_id, entry in entries.items():
        entries[message_id] = replace(entry, content=nested(974))
    lobby = RoomId("lobby")
    world.adapters.delivery.jobs.clear()
    old = replace(rooms._rooms.get(lobby), metadata={"a": nested(974)})
    rooms._rooms.put(lobby, "", old)
    world.act(alice, "send_message", conversation_id="lobby", content="new", **TEXT)
    world.pump()
    shown = [{"$unreadable": nesting.UNREADABLE}, "new"]
    assert [m["content"] for m in world.poster.to(bob, "message_received")] == shown
    conversation = world.act(bob, "sync", positions={})["conversations"]["lobby"]
    assert [m["content"] for m in conversation["messages"]] == shown
    history = world.http(rest.list_messages, "bob", room_id="lobby").body["messages"]
    assert [m["content"] for m in history] == shown
    [room] = world.http(rest.list_rooms, "bob").body["rooms"]
    assert room["metadata"] == shown[0]
