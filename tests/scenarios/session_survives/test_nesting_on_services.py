"""Content of the greatest depth, in through every door and out on every path, on twins and on real
AWS APIs and Valkey; and what is deeper there from before there was a bound.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import (
    DynamoCheckpointStore,
    DynamoCursors,
    DynamoMarkers,
    DynamoMessageLog,
    DynamoRoomStore,
)
from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.sessions import RedisSessions
from chalicelib.adapters.redis.trails import RedisTrails
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.composition import compose
from chalicelib.entrypoints import queues
from chalicelib.entrypoints.http import rest
from chalicelib.kernel import ids, nesting
from chalicelib.model.identifiers import MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind, Head
from chalicelib.model.rooms import Room, RoomType
from tests.support.cache import warm
from tests.support.ministack import Ministack
from tests.support.nesting import DEEPEST, TOO_DEEP, nested
from tests.support.socketio import Client
from tests.support.valkey import valkey
from tests.support.world import World

TEXT = {"conversation_id": "deep", "message_type": "text"}
METADATA = {"a": nested(nesting.MAX_DEPTH - 1)}
UNREADABLE = {"$unreadable": nesting.UNREADABLE}
MOST_ROUNDS = 40


@dataclass
class Rig:
    world: World
    ministack: Ministack | None = None

    def deliver(self) -> None:
        """Serve the delivery queue until it is empty, and the outbound one."""
        if self.ministack is not None:
            self._serve_real(self.ministack)
        self.world.pump(until_ms=self.world.clock.ms)

    def _serve_real(self, ministack: Ministack) -> None:
        sqs, url = ministack.sdk("sqs"), ministack.urls["delivery"]
        for _ in range(MOST_ROUNDS):
            answer = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]
            )
            messages = answer.get("Messages", [])
            if not messages:
                return
            records = [
                {
                    "messageId": each["MessageId"],
                    "receiptHandle": each["ReceiptHandle"],
                    "body": each["Body"],
                    "attributes": each["Attributes"],
                }
                for each in messages
            ]
            failed = queues.deliver(self.world.services, {"Records": records})
            assert failed == {"batchItemFailures": []}
            for each in messages:
                with contextlib.suppress(sqs.exceptions.ReceiptHandleIsInvalid):  # deleted already
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        raise AssertionError("the queue did not come to rest")


@pytest.fixture(params=["twins", "real"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    world = World()
    if request.param == "twins":
        yield Rig(world)
        return
    ministack: Ministack = request.getfixturevalue("ministack")
    dynamodb, sqs = ministack.client("dynamodb"), ministack.client("sqs")
    with valkey() as server:
        client = RedisClient(server.url, False)
        cache: Any = RedisCache(client, world.ids)
        world.adapters = replace(
            world.adapters,
            log=DynamoMessageLog(dynamodb, ministack.prefix),
            cursors=DynamoCursors(dynamodb, ministack.prefix),
            rooms=DynamoRoomStore(dynamodb, ministack.prefix, world.settings.own_first),
            markers=DynamoMarkers(dynamodb, ministack.prefix),
            checkpoints=DynamoCheckpointStore(dynamodb, ministack.prefix),
            cache=cache,
            sessions=RedisSessions(client),
            trails=RedisTrails(client),
            delivery=SqsQueue(sqs, f"{ministack.prefix}-delivery.fifo"),
        )
        # The twin's jobs are what `pump` serves; the real queue is served by the rig.
        real = world.services = compose(world.settings, world.adapters)
        world.adapters = replace(world.adapters, delivery=World().adapters.delivery)
        assert real.adapters.delivery is not world.adapters.delivery
        warm(cache)
        yield Rig(world, ministack)


def post(rig: Rig, content: Any) -> rest.Response:
    body = {"message_type": "text", "content": content}
    answer: rest.Response = rig.world.http(rest.post_message, "alice", body, room_id="deep")
    return answer


def test_the_greatest_depth_comes_through(rig: Rig) -> None:
    world = rig.world
    body = {"room_type": "group_chat", "participants": ["bob"], "room_id": "deep"}
    assert world.http(rest.create_room, "alice", {**body, "metadata": METADATA}).status == 201
    alice, bob = world.connect("alice"), world.connect("bob")
    socket = Client(world, "socket-of-bob=")
    socket.connect("bob")
    recovering = Client(world, "recovering=")
    token = world.token("bob")
    recovering.say("40" + json.dumps({"token": token, "recovery": True}))
    rig.deliver()
    # In: a JSON frame, an event of Socket.IO, a request.
    world.act(alice, "send_message", content=DEEPEST, **TEXT)
    assert Client.act(by_alice(world), "send_message", {**TEXT, "content": DEEPEST})["ok"]
    assert post(rig, DEEPEST).status == 201
    rig.deliver()
    # Out: pushes by both protocols, recovery, history, sync from the log and the cache.
    assert [m["content"] for m in world.poster.to(bob, "message_received")] == [DEEPEST] * 3
    for client in (socket, recovering):
        pushed = [event[1] for event in client.events() if event[0] == "message_received"]
        assert [m["content"] for m in pushed] == [DEEPEST] * 3
    history = world.http(rest.list_messages, "bob", room_id="deep").body["messages"]
    assert [m["content"] for m in history] == [DEEPEST] * 3
    recent = world.services.adapters.cache.recent([RoomId("deep")])[RoomId("deep")]
    assert [entry.content for entry in recent] == [DEEPEST] * 3
    first = history[0]["position"]
    for positions, count in (({}, 3), ({"deep": ""}, 3), ({"deep": first}, 2)):
        synced = world.act(bob, "sync", positions=positions)["conversations"]["deep"]
        assert [m["content"] for m in synced["messages"]] == [DEEPEST] * count
    [room] = world.http(rest.list_rooms, "bob").body["rooms"]
    assert (room["metadata"], room["unread"]) == (METADATA, 3)


def by_alice(world: World) -> Client:
    client = Client(world, "socket-of-alice=")
    client.connect("alice")
    return client


def test_one_level_more_is_refused_at_each_door(rig: Rig) -> None:
    world = rig.world
    body = {"room_type": "group_chat", "participants": ["bob"], "room_id": "deep"}
    refused = world.http(rest.create_room, "alice", {**body, "metadata": {"a": DEEPEST}})
    assert (refused.status, refused.body["error"]["code"]) == (400, "bad_request")
    assert world.http(rest.create_room, "alice", body).status == 201
    alice = world.connect("alice")
    answer = world.ask(alice, "send_message", content=TOO_DEEP, **TEXT)
    assert answer["data"]["code"] == "bad_request"
    socket = by_alice(world)
    for content in (TOO_DEEP, nested(500)):
        result = socket.act("send_message", {**TEXT, "content": content})
        assert result["error"]["code"] == "bad_request"
        assert post(rig, content).status == 400
    assert world.http(rest.list_messages, "alice", room_id="deep").body["messages"] == []


def test_what_is_deeper_from_before_is_unreadable_and_spoils_nothing(rig: Rig) -> None:
    """As an earlier version stored it: 974 levels, in a message and in a room's metadata."""
    world, stores = rig.world, rig.world.services.adapters
    old = Room(RoomId("deep"), RoomType.GROUP_CHAT, UserId("alice"), 1, {"a": nested(900)})
    body = {"room_type": "group_chat", "participants": ["bob"]}
    assert world.http(rest.create_room, "alice", {**body, "room_id": "other"}).status == 201
    members = stores.rooms.members(RoomId("other"))
    assert stores.rooms.create(old, [replace(each, room_id=old.room_id) for each in members])
    region = Region(world.settings.region)
    entry = Entry(
        old.room_id, region, 1, ids.next_id(world.clock.ms, None, 1), EntryKind.MESSAGE,
        UserId("alice"), world.clock.ms, content=nested(900),
    )  # fmt: skip
    stores.log.commit(entry, Head(0, MessageId("")), None, 1)
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "send_message", content="new", **TEXT)
    rig.deliver()
    pushed = world.poster.to(bob, "message_received")
    assert [m["content"] for m in pushed] == [UNREADABLE, "new"]
    answer = world.act(bob, "sync", positions={})["conversations"]
    assert set(answer) == {"deep", "other"}
    assert [m["content"] for m in answer["deep"]["messages"]] == [UNREADABLE, "new"]
    history = world.http(rest.list_messages, "bob", room_id="deep").body["messages"]
    assert [m["content"] for m in history] == [UNREADABLE, "new"]
    rooms = {r["room_id"]: r for r in world.http(rest.list_rooms, "bob").body["rooms"]}
    assert rooms["deep"]["metadata"] == UNREADABLE
