"""Binary packets of Socket.IO: put together from their parts, never mixed up."""

from __future__ import annotations

import base64
import json

import pytest

from chalicelib.entrypoints.http import rest
from tests.support.socketio import Client, Poller
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_binary_comes_whole_whatever_the_order_of_its_parts(world: World) -> None:
    world.room("alice")
    client = Client(world, "s1=")
    client.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "binary"}
    holes = [{"_placeholder": True, "num": 0}, {"_placeholder": True, "num": 1}]
    head = '452-9["send_message",' + json.dumps({**body, "content": holes}) + "]"
    for order in ([0, 1, 2], [1, 2, 0], [2, 0, 1]):
        parts, answers = [head, "bAQID", "bBAU="], []
        for part in order:
            answers.append(world.say("s1=", parts[part], at_ms=world.clock.ms + part))
        assert [bool(each) for each in answers] == [False, False, True]
        [result] = json.loads(answers[2].removeprefix("439"))
        assert result["ok"] is True
        world.clock.ms += 10
    page = world.http(rest.list_messages, "alice", room_id="lobby").body["messages"]
    assert [each["content"] for each in page] == [[{"$binary": "AQID"}, {"$binary": "BAU="}]] * 3


def binary(number: int, content: str) -> list[str]:
    """A send_message with an attachment for each letter of the content, and its ack id."""
    holes = [{"_placeholder": True, "num": place} for place in range(len(content))]
    data = {"conversation_id": "lobby", "message_type": "binary", "content": holes}
    head = f"45{len(content)}-{number}" + json.dumps(["send_message", data])
    return [head, *("b" + base64.b64encode(letter.encode()).decode() for letter in content)]


def test_attachments_that_cannot_be_told_apart_are_refused(world: World) -> None:
    world.room("alice")
    client = Client(world, "s1=")
    client.connect("alice")
    at_ms = world.clock.ms
    for number, content in ((1, "ab"), (2, "cd")):
        *parts, last = binary(number, content)
        assert [world.say("s1=", part, at_ms=at_ms) for part in parts] == ["", ""]
        [refused] = json.loads(world.say("s1=", last, at_ms=at_ms).removeprefix(f"43{number}"))
        assert (refused["ok"], refused["error"]["code"]) == (False, "unavailable")
        assert refused["error"]["retryable"] is True
        at_ms += 50
    head, *attachments = binary(3, "ab")
    head = head.replace("452-3[", "452-[")
    answers = [world.say("s1=", part, at_ms=at_ms) for part in (head, *attachments)]
    name, data = json.loads(answers[-1].removeprefix("42"))
    assert (name, data["action"], data["code"]) == ("error", "send_message", "unavailable")
    assert world.http(rest.list_messages, "alice", room_id="lobby").body["messages"] == []
    assert not client.closed


def test_two_binary_events_at_once_are_not_mixed_up(world: World) -> None:
    """Both in one millisecond, and of the first whole one's parts one is the other's."""
    world.room("alice")
    client = Client(world, "s1=")
    client.connect("alice")
    (one, a), (two, b) = binary(1, "a"), binary(2, "b")
    at_ms = world.clock.ms
    for late in (a, two):
        world.clock.at(50, lambda late=late: world.say("s1=", late, at_ms=at_ms))
    assert world.say("s1=", one, at_ms=at_ms) == ""
    answers = [world.say("s1=", b, at_ms=at_ms), *client.posted]
    refused = [json.loads(each[3:])[0] for each in answers if each.startswith("43")]
    assert [each["ok"] for each in refused] == [False, False]
    assert world.http(rest.list_messages, "alice", room_id="lobby").body["messages"] == []


def test_too_many_parts_end_the_session(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    for _ in range(67):
        client.say("bAQ==")
    assert client.closed


def test_binary_over_polling_comes_in_its_order(world: World) -> None:
    world.room("alice")
    client = Poller(world)
    client.connect("alice")
    (one, *more), two = binary(1, "ab"), binary(2, "cd")
    assert client.post("\x1e".join([one, more[0]])) == 200
    assert client.post("\x1e".join([more[1], *two])) == 200
    page = world.http(rest.list_messages, "alice", room_id="lobby").body["messages"]
    found = ["".join(each["$binary"] for each in message["content"]) for message in page]
    assert found == ["YQ==Yg==", "Yw==ZA=="]
