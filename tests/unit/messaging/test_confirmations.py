"""Whom a message reached, told to a sender who wants to know: by acks, and by an action."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.messaging import confirmations
from chalicelib.model.delivery import Outcome
from chalicelib.wire import socketio
from tests.support.counting import counted
from tests.support.faults import How, Plan, again, at_every_call
from tests.support.socketio import Client, Device, Poller
from tests.support.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob", "carol")
    return world


def settle(world: World) -> None:
    world.pump(until_ms=world.clock.ms)


def say(world: World, device: str, **more: Any) -> str:
    data = {"conversation_id": "lobby", "message_type": "text", "content": "x", **more}
    message_id = world.act(device, "send_message", **{"delivery_receipt": True, **data})
    settle(world)
    return str(message_id["message_id"])


def told(world: World, device: str) -> list[tuple[str, str]]:
    events = world.poster.to(device, "message_delivered")
    return [(event["message_id"], event["user_id"]) for event in events]


def questions(frames: list[str], prefix: str = "42") -> dict[str, int]:
    """The ack id under which each message is asked about."""
    found = {}
    for frame in frames:
        packet = socketio.decode(frame[1:]) if frame.startswith(prefix) else None
        if packet is not None and packet.data and packet.data[0] == "delivery_receipt":
            assert packet.ack_id is not None
            assert packet.ack_id < 2**53
            found[packet.data[1]["message_id"]] = packet.ack_id
    return found


def test_an_ack_tells_the_sender_s_devices(world: World) -> None:
    alice, phone = world.connect("alice"), world.connect("alice")
    client = Client(world, "s1=")
    client.connect("bob")
    message_id = say(world, alice)
    assert [name for name, _ in client.events() if name != "user_joined"] == ["message_received"]
    asked = questions(client.posted)
    assert list(asked) == [message_id]
    assert client.say(f"43{asked[message_id]}[]") == ""
    settle(world)
    assert told(world, alice) == told(world, phone) == [(message_id, "bob")]
    [event] = world.poster.to(alice, "message_delivered")
    assert set(event) == {"message_id", "conversation_id", "user_id", "delivered_at"}


def test_nobody_is_asked_about_other_messages_nor_the_sender_s_own_devices(world: World) -> None:
    alice = world.connect("alice")
    bob, own = Client(world, "s1="), Client(world, "s2=")
    bob.connect("bob"), own.connect("alice")
    say(world, alice, delivery_receipt=False)
    assert questions(bob.posted) == {}
    say(world, alice)
    assert questions(own.posted) == {}
    assert len(questions(bob.posted)) == 1


def test_a_question_follows_its_message_on_the_same_connection(world: World) -> None:
    alice, client = world.connect("alice"), Client(world, "s1=")
    client.connect("bob")
    settle(world)
    say(world, alice)
    names = [socketio.decode(frame[1:]).data[0] for frame in client.posted[-2:]]
    assert names == ["message_received", "delivery_receipt"]


def test_a_slow_connection_is_asked_once_it_has_the_message(world: World) -> None:
    alice, client = world.connect("alice"), Client(world, "s1=")
    client.connect("bob")
    settle(world)
    world.poster.script["s1="] = [Outcome.THROTTLED, Outcome.THROTTLED]
    say(world, alice)
    names = [socketio.decode(frame[1:]).data[0] for frame in client.posted[-2:]]
    assert names == ["message_received", "delivery_receipt"]
    assert world.poster.script["s1="] == []


def test_json_clients_see_the_wish_and_answer_with_an_action(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    message_id = say(world, alice)
    [got] = world.poster.to(bob, "message_received")
    assert got["delivery_receipt"] is True
    assert world.poster.to(bob, "delivery_receipt") == []
    for _ in range(3):
        world.act(bob, "message_delivered", conversation_id="lobby", message_id=message_id)
    settle(world)
    assert told(world, alice) == [(message_id, "bob")], "once a user, however often it is said"


def test_polling_clients_ack_too(world: World) -> None:
    alice, client = world.connect("alice"), Poller(world)
    client.connect("bob")
    message_id = say(world, alice)
    asked = questions(client.poll().split("\x1e"))
    assert client.post(f"43{asked[message_id]}[]") == 200
    settle(world)
    assert told(world, alice) == [(message_id, "bob")]


def test_a_socket_that_recovers_keeps_its_offset_and_is_asked_beside_it(world: World) -> None:
    """A client does not note the offset of an event that asks for an ack: none may do both."""
    alice, bob = world.connect("alice"), Device(world, "bob").come()
    message_id = say(world, alice)
    bob.read()
    frames = [frame for sid, frame in world.poster.raw if sid == bob.id]
    events = [socketio.decode(frame[1:]) for frame in frames if frame.startswith("42")]
    assert all((each.ack_id is None) == isinstance(each.data[-1], str) for each in events)
    assert world.say(bob.id, f"43{questions(frames)[message_id]}[]") == ""
    settle(world)
    assert told(world, alice) == [(message_id, "bob")]


def test_a_socket_that_comes_back_is_asked_about_what_it_missed(world: World) -> None:
    alice, bob = world.connect("alice"), Device(world, "bob").come()
    bob.cut()
    message_id = say(world, alice)
    world.wait(3 * 3600)
    bob.come()
    assert bob.recovered
    frames = [frame for sid, frame in world.poster.raw if sid == bob.id]
    world.say(bob.id, f"43{questions(frames)[message_id]}[]")
    settle(world)
    assert told(world, alice) == [(message_id, "bob")]


def test_a_notification_in_its_namespace(world: World) -> None:
    service, client, other = world.connect("mailer"), Client(world, "s1="), Client(world, "s2=")
    client.connect("bob", "/notifications")
    other.connect("bob", "/moments")
    body = {"user_id": "bob", "content": "due", "delivery_receipt": True}
    posted = world.http(rest.post_notification, "mailer", body, roles=["service"])
    settle(world)
    [(message_id, ack_id)] = questions(client.posted, "42/notifications,").items()
    assert message_id == posted.body["message_id"]
    assert questions(other.posted, "42/moments,") == {}
    client.say(f"43/notifications,{ack_id}[]")
    settle(world)
    assert told(world, service) == [(message_id, "bob")]


@pytest.mark.parametrize(
    "ack", ["431[]", '43999999999999999["x"]', "43[]", "461-5[]", "43/moments,1[]"]
)
def test_an_ack_that_nobody_asked_for_does_nothing(world: World, ack: str) -> None:
    alice, client = world.connect("alice"), Client(world, "s1=")
    client.connect("bob")
    say(world, alice)
    assert client.say(ack) == ""
    settle(world)
    assert told(world, alice) == []
    assert not client.closed


def test_who_is_no_member_any_more_cannot_confirm(world: World) -> None:
    alice, client = world.connect("alice"), Client(world, "s1=")
    client.connect("bob")
    message_id = say(world, alice)
    ack_id = questions(client.posted)[message_id]
    world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob")
    settle(world)
    assert client.say(f"43{ack_id}[]") == ""
    settle(world)
    assert told(world, alice) == []
    assert not client.closed


def test_an_ack_long_after_is_ignored(world: World) -> None:
    alice, client = world.connect("alice"), Client(world, "s1=")
    client.connect("bob")
    message_id = say(world, alice)
    world.clock.ms += 2 * 3_600_000
    assert client.say(f"43{questions(client.posted)[message_id]}[]") == ""
    settle(world)
    assert told(world, alice) == []


def test_a_wish_for_no_message_or_none_that_wants_it(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    unwanted = say(world, alice, delivery_receipt=False)
    world.act(bob, "message_delivered", conversation_id="lobby", message_id=unwanted)
    own = say(world, alice)
    world.act(alice, "message_delivered", conversation_id="lobby", message_id=own)
    missing = {"conversation_id": "lobby", "message_id": "0" * 26}
    assert world.ask(bob, "message_delivered", **missing)["data"]["code"] == "not_found"
    settle(world)
    assert told(world, alice) == []


def test_in_a_large_room_nobody_is_asked() -> None:
    world = World()
    users = [f"user{n}" for n in range(confirmations.RECEIPTS_UP_TO)]
    world.room("alice", *users)
    alice, json_client, client = world.connect("alice"), world.connect("user1"), Client(world, "s=")
    client.connect("user0")
    message_id = say(world, alice)
    assert questions(client.posted) == {}
    [got] = world.poster.to(json_client, "message_received")
    assert got["delivery_receipt"] is False
    world.act(json_client, "message_delivered", conversation_id="lobby", message_id=message_id)
    settle(world)
    assert told(world, alice) == []


def test_without_redis_the_message_arrives_and_acks_are_nobody_s(world: World) -> None:
    alice, client = world.connect("alice"), Client(world, "s1=")
    client.connect("bob")
    settle(world)
    world.cache.down = True
    message_id = say(world, alice)
    assert [name for name, _ in client.events()] == ["message_received"]
    assert client.say(f"43{questions(client.posted)[message_id]}[]") == ""
    world.act(world.connect("carol"), "message_delivered", **ref(message_id))
    settle(world)
    assert told(world, alice) == [(message_id, "carol")]


def test_what_a_receipt_costs(world: World) -> None:
    alice, client = world.connect("alice"), Client(world, "s1=")
    client.connect("bob")
    say(world, alice)
    ports = counted(world)
    message_id = say(world, alice)
    assert ports["cache"].calls == ["frame", "settle", "deliver", "expect_acks", "online"]
    for port in ports.values():
        port.calls.clear()
    client.say(f"43{questions(client.posted)[message_id]}[]")
    assert ports["cache"].calls == ["acked", "owner", "frame"], "its first frame"
    assert ports["log"].calls == ["get"]
    assert ports["outbound"].calls == ["send"]
    settle(world)
    assert ports["poster"].calls == ["post"]


def ref(message_id: str) -> dict[str, str]:
    return {"conversation_id": "lobby", "message_id": message_id}


@pytest.mark.parametrize("how", How)
def test_a_receipt_is_told_after_its_repeat(how: How) -> None:
    def case(planted: Any) -> None:
        world = World()
        world.room("alice", "bob")
        alice, bob = world.connect("alice"), world.connect("bob")
        message_id = say(world, alice)
        plan: Plan = planted(world)
        again(lambda: world.act(bob, "message_delivered", **ref(message_id)))
        world.pump()
        plan.over = True
        assert set(told(world, alice)) == {(message_id, "bob")}

    assert {"outbound.send", "cache.claim"} <= set(at_every_call(how, case))


@pytest.mark.parametrize("how", How)
def test_a_question_loses_and_doubles_no_message(how: How) -> None:
    def case(planted: Any) -> None:
        world = World()
        world.room("alice", "bob")
        alice, bob = world.connect("alice"), world.connect("bob")
        client = Client(world, "s1=")
        client.connect("bob")
        settle(world)
        body = {"conversation_id": "lobby", "message_type": "text", "delivery_receipt": True}
        world.act(alice, "send_message", **body, content="x")
        plan: Plan = planted(world)
        world.wait(20)
        plan.over = True
        for got in (
            {event["message_id"] for event in world.poster.to(bob, "message_received")},
            {data["message_id"] for name, data in client.events() if name == "message_received"},
        ):
            assert len(got) == 1

    assert "cache.expect_acks" in at_every_call(how, case)
