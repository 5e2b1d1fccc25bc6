"""Parts of binary packets: through an upgrade, in pairs, without their head, without Redis."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.composition import compose
from chalicelib.entrypoints.http import rest
from chalicelib.kernel.errors import Unavailable
from chalicelib.wire import attachments
from tests.support.socketio import Client, Poller
from tests.support.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice")
    return world


def binary(number: int, content: str) -> list[str]:
    """A send_message with an attachment for each letter of the content, and its ack id."""
    holes = [{"_placeholder": True, "num": place} for place in range(len(content))]
    data = {"conversation_id": "lobby", "message_type": "binary", "content": holes}
    head = f"45{len(content)}-{number}" + json.dumps(["send_message", data])
    return [head, *("b" + base64.b64encode(letter.encode()).decode() for letter in content)]


def kept(world: World) -> list[str]:
    """The contents of all messages, in their order."""
    page = world.http(rest.list_messages, "alice", room_id="lobby").body["messages"]
    found = [[base64.b64decode(each["$binary"]) for each in m["content"]] for m in page]
    return [b"".join(each).decode() for each in found]


def acks(frames: Sequence[str]) -> dict[str, bool]:
    """Whether each acked event, by its ack id, succeeded."""
    found = [frame.partition("[") for frame in frames if frame.startswith("43")]
    return {head[2:]: json.loads(f"[{rest_}")[0]["ok"] for head, _, rest_ in found}


@pytest.mark.parametrize("by_post", [1, 2, 3], ids=["head", "head and one", "all"])
def test_parts_go_along_with_an_upgrade(world: World, by_post: int) -> None:
    client = Poller(world)
    client.connect("alice")
    parts = binary(1, "ab")
    assert client.post("\x1e".join(parts[:by_post])) == 200
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    assert websocket.say("5") == ""
    answers = []
    for part in parts[by_post:]:
        world.clock.ms += 1
        answers.append(websocket.say(part))
    assert kept(world) == ["ab"]
    assert acks([*answers, *websocket.posted]) == {"1": True}
    for number in (2, 3):
        later = []
        for part in binary(number, "cd"):
            world.clock.ms += 1
            later.append(websocket.say(part))
        assert acks(later) == {str(number): True}
    assert kept(world) == ["ab", "cd", "cd"]


def test_an_attachment_that_overtakes_the_upgrade(world: World) -> None:
    """Its invocation waits until the socket has moved."""
    client = Poller(world)
    client.connect("alice")
    head, part = binary(1, "a")
    assert client.post(head) == 200
    websocket = Client(world, "w=", sid=client.sid)
    websocket.say("2probe")
    world.clock.at(300, lambda: websocket.say("5"))
    assert acks([websocket.say(part)]) == {"1": True}
    assert not websocket.closed


class Hooked:
    """Engine.IO sessions; right before the first hand-out something else happens."""

    def __init__(self, inner: Any, act: Callable[[], Any]) -> None:
        self._inner, self._act = inner, act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def hand_out(self, *arguments: Any) -> Any:
        act, self._act = self._act, lambda: None
        act()
        return self._inner.hand_out(*arguments)


@pytest.mark.parametrize("gap_ms", [1, 2])
def test_of_two_events_at_once_both_are_answered(world: World, gap_ms: int) -> None:
    """While one invocation is about to take the first, another one takes it."""
    client = Client(world, "s1=")
    client.connect("alice")
    parts = [*binary(1, "a"), *binary(2, "b")]
    times = [world.clock.ms + place * gap_ms for place in range(4)]
    answers: list[str] = []

    def rest_comes() -> None:
        for part, at_ms in list(zip(parts, times, strict=True))[2:]:
            answers.append(world.say("s1=", part, at_ms=at_ms))

    hooked = Hooked(world.sessions, rest_comes)
    world.services = compose(world.settings, replace(world.adapters, sessions=hooked))
    answers += [world.say("s1=", parts[place], at_ms=times[place]) for place in range(2)]
    assert acks([*answers, *client.posted]) == {"1": True, "2": True}
    assert sorted(kept(world)) == ["a", "b"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_two_events_in_every_order_of_their_frames(world: World, order: tuple[int, ...]) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    parts, at_ms = [*binary(1, "a"), *binary(2, "b")], world.clock.ms
    answers: list[str] = []
    for place, number in enumerate(order):
        world.clock.at(
            10 * place,
            lambda n=number: answers.append(world.say("s1=", parts[n], at_ms=at_ms + n)),
        )
    for _ in range(10):
        world.clock.sleep(0.01)
    assert acks([*answers, *client.posted]) == {"1": True, "2": True}
    assert sorted(kept(world)) == ["a", "b"]


@pytest.mark.parametrize("orphan", ["head", "attachment"])
def test_an_orphan_does_not_hold_back_what_follows(world: World, orphan: str) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    lost = binary(1, "x")[0 if orphan == "head" else 1]
    assert world.say("s1=", lost, at_ms=world.clock.ms) == ""
    for number in (2, 3, 4):
        answers = []
        for part in binary(number, "a"):
            world.clock.ms += 1
            answers.append(client.say(part))
        assert acks(answers) == {str(number): True}, "at once"


def test_an_event_whose_attachment_was_lost_is_refused_in_the_end(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    client.say(binary(1, "x")[0])
    answers = []
    for number in (2, 3):
        world.clock.ms += attachments.LATE // 2 + 1
        for part in binary(number, "a"):
            world.clock.ms += 1
            answers.append(client.say(part))
    assert acks([*answers, *client.posted]) == {"1": False, "2": True, "3": True}


@pytest.mark.parametrize("ack", [True, False], ids=["with an ack id", "without"])
def test_an_event_that_nothing_follows_is_refused_as_well(world: World, ack: bool) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    head, *_ = binary(1, "x")
    client.say(head if ack else head.replace("-1[", "-["))
    world.wait(9)
    assert acks(client.posted) == {}
    world.wait(3)
    refused = acks(client.posted) if ack else {e[0]: e[1]["retryable"] for e in client.events()}
    assert refused == ({"1": False} if ack else {"error": True})
    answers = [client.say(part) for part in binary(2, "a")]
    assert acks(answers) == {"2": True}
    assert not client.closed


def test_a_binary_event_is_refused_while_jobs_cannot_be_queued(world: World) -> None:
    """Nobody would look at it if a part of it were lost."""
    client = Client(world, "s1=")
    client.connect("alice")
    world.services = compose(world.settings, replace(world.adapters, outbound=NoQueue()))
    head, part = binary(1, "a")
    assert acks([client.say(head), client.say(part)]) == {"1": False}
    assert kept(world) == []


class NoQueue:
    """A queue that does not answer."""

    def send(self, jobs: Sequence[Any]) -> None:
        raise Unavailable("the queue did not answer")


@pytest.mark.parametrize(
    "body", ["bAQ==", "452-1[]\x1e451-2[]", "451-1[{}]\x1ebAQ==\x1ebAQ=="], ids=str
)
def test_on_polling_a_part_out_of_place_is_a_parse_error(world: World, body: str) -> None:
    """What `socket.io-msgpack-parser` sends comes as attachments without a head."""
    client = Poller(world)
    assert client.post(body) == 400
    assert client.ask("GET", sid=client.sid).status == 400


def test_without_redis_an_event_is_refused_and_the_session_goes_on(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.sessions.down = True
    head, part = binary(1, "a")
    assert acks([client.say(head)]) == {"1": False}
    assert client.say(part) == ""
    assert not client.closed
