"""A resend is answered with what is stored, over every protocol, whatever the resend says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryQueue
from chalicelib.composition import compose
from chalicelib.entrypoints.http import rest
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.jobs import QueuedJob
from tests.support.socketio import Client
from tests.support.world import World

SAME = {"message_type": "text", "client_message_id": "c1"}
Send = Callable[[str], dict[str, Any]]


class Refusing(MemoryQueue):
    """A queue that refuses the next `refuse` sends."""

    refuse = 0

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        if self.refuse:
            self.refuse -= 1
            raise Unavailable("refused")
        super().send(jobs)


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    world.adapters = replace(world.adapters, delivery=Refusing())
    world.services = compose(world.settings, world.adapters)
    return world


def over_json(world: World) -> Send:
    alice = world.connect("alice")
    return lambda text: world.ask(
        alice, "send_message", conversation_id="lobby", content=text, **SAME
    )


def over_socketio(world: World) -> Send:
    client = Client(world, "s1=")
    client.connect("alice")

    def send(text: str) -> dict[str, Any]:
        body = {"conversation_id": "lobby", "content": text, **SAME}
        answer = client.say("427" + json.dumps(["send_message", body]))
        # A refusal is two packets, which are posted.
        return dict(json.loads(answer.removeprefix("437"))[0]) if answer else {}

    return send


def over_http(world: World) -> Send:
    def send(text: str) -> dict[str, Any]:
        body = {**SAME, "content": text}
        return {"data": world.http(rest.post_message, "alice", body, room_id="lobby").body}

    return send


def a_moment(world: World) -> Send:
    def send(text: str) -> dict[str, Any]:
        return {"data": world.http(rest.post_moment, "alice", {**SAME, "content": text}).body}

    for one, other in (("alice", "bob"), ("bob", "alice")):
        world.http(rest.put_friend, one, user_id=other)
    return send


def a_notification(world: World) -> Send:
    def send(text: str) -> dict[str, Any]:
        body = {**SAME, "user_id": "bob", "content": text}
        return {"data": world.http(rest.post_notification, "ads", body, roles=["service"]).body}

    return send


@pytest.mark.parametrize("door", [over_json, over_socketio, over_http, a_moment, a_notification])
def test_when_the_first_enqueue_failed_the_first_text_is_pushed(
    world: World, door: Callable[[World], Send]
) -> None:
    send = door(world)
    bob = world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    delivery = world.adapters.delivery
    assert isinstance(delivery, Refusing)
    delivery.refuse = 1
    send("first")
    assert delivery.refuse == 0
    answer = send("second")["data"]
    world.pump(until_ms=world.clock.ms)
    names = ("message_received", "moment_posted", "notification")
    pushed = [event for name in names for event in world.poster.to(bob, name)]
    assert [event["content"] for event in pushed] == ["first"]
    assert answer["message_id"] == pushed[0]["message_id"]
    assert answer.get("content", "first") == "first"
    assert send("third")["data"] == answer


def test_a_resend_after_the_deletion_does_not_bring_the_content_back(world: World) -> None:
    send = over_http(world)
    bob = world.connect("bob")
    first = send("secret")["data"]
    ref = {"room_id": "lobby", "message_id": first["message_id"]}
    assert world.http(rest.delete_message, "alice", **ref).status == 200
    again = send("secret")["data"]
    assert (again["message_id"], again["is_deleted"], again["content"]) == (
        first["message_id"],
        True,
        None,
    )
    world.pump(until_ms=world.clock.ms)
    assert [event["message_id"] for event in world.poster.to(bob, "message_deleted")] == [
        first["message_id"]
    ]


def test_a_user_named_deletion_cannot_keep_a_message_from_being_deleted(world: World) -> None:
    world.http(rest.add_member, "alice", {"user_id": "deletion"}, room_id="lobby")
    alice, eve = world.connect("alice"), world.connect("deletion")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    message_id = world.act(alice, "send_message", **body)["message_id"]
    world.act(eve, "send_message", client_message_id=message_id, **body)
    world.act(alice, "delete_message", conversation_id="lobby", message_id=message_id)
    history = world.http(rest.list_messages, "bob", room_id="lobby").body["messages"]
    assert [message["is_deleted"] for message in history] == [True, False]
