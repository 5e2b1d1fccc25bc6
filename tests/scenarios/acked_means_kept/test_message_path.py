"""The message path on twins: from a frame to a post at every receiver."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import rest
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def send(world: World, connection: str, text: str, **more: str) -> dict:
    data = {"conversation_id": "lobby", "message_type": "text", "content": text, **more}
    return world.act(connection, "send_message", **data)


def test_a_message_reaches_every_device_but_the_one_it_was_sent_on(world: World) -> None:
    world.room("alice", "bob")
    phone, laptop = world.connect("alice"), world.connect("alice")
    bobs = [world.connect("bob"), world.connect("bob")]
    ack = send(world, phone, "hi", client_message_id="c1")
    assert ack.pop("durability") == "regional"
    world.pump()
    assert world.poster.to(phone, "message_received") == []
    for device in [laptop, *bobs]:
        (got,) = world.poster.to(device, "message_received")
        assert got["content"] == "hi"
        assert got["sender_id"] == "alice"
        assert {name: got[name] for name in ack} == ack


def test_a_stranger_may_not_send_nor_read(world: World) -> None:
    world.room("alice", "bob")
    eve = world.connect("eve")
    answer = world.ask(eve, "send_message", conversation_id="lobby", message_type="t", content="x")
    assert answer["data"]["code"] == "permission_denied"
    assert world.ask(eve, "join_room", room_id="lobby")["data"]["code"] == "permission_denied"
    reply = world.http(rest.list_messages, "eve", room_id="lobby")
    assert (reply.status, reply.body["error"]["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("state", ["down", "flushed"])
def test_without_redis_all_is_slower_and_nothing_lost(world: World, state: str) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(bob, "join_room", room_id="lobby")
    send(world, alice, "before")
    if state == "down":
        world.cache.down = True
    else:
        world.cache.flush()
    ack = send(world, alice, "after", client_message_id="c9")
    assert send(world, alice, "after", client_message_id="c9") == ack
    world.act(alice, "typing_start", conversation_id="lobby")
    world.pump()
    contents = [got["content"] for got in world.poster.to(bob, "message_received")]
    assert contents == ["before", "after"]
    assert world.poster.to(bob, "typing")[0]["is_typing"] is True


def test_a_deleted_message_is_gone_everywhere(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    ack = send(world, alice, "secret")
    world.pump()
    ref = {"conversation_id": "lobby", "message_id": ack["message_id"]}
    assert world.ask(bob, "delete_message", **ref)["data"]["code"] == "permission_denied"
    world.act(alice, "delete_message", **ref)
    world.act(alice, "delete_message", **ref)
    world.pump()
    assert len(world.poster.to(bob, "message_deleted")) == 1
    history = world.http(rest.list_messages, "bob", room_id="lobby").body["messages"]
    assert [(m["is_deleted"], m["content"]) for m in history] == [(True, None)]
    synced = world.act(bob, "sync", positions={"lobby": ack["position"]})["conversations"]["lobby"]
    assert [(m["message_id"], m["is_deleted"]) for m in synced["messages"]] == [
        (ack["message_id"], True)
    ]


def test_a_poisoned_job_goes_to_the_dead_letters_and_holds_up_nobody(world: World) -> None:
    from chalicelib.entrypoints import queues
    from tests.support.world import record

    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    send(world, alice, "good")
    (job,) = [job for job in world.adapters.delivery.jobs if job.kind == "entry"]
    poison = {**record(job), "messageId": "poison", "body": "{not json"}
    hollow = {**record(job), "messageId": "hollow", "body": '{"kind":"entry"}'}
    answer = queues.deliver(world.services, {"Records": [poison, hollow, record(job)]})
    assert answer == {"batchItemFailures": []}
    assert len(world.adapters.delivery_dead.jobs) == 2
    assert len(world.poster.to(bob, "message_received")) == 1
