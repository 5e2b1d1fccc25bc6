"""Every action with what it must not be given: a coded error, and the connection lives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.actions import ACTIONS
from chalicelib.kernel.errors import TidingsError
from tests.support.world import World

VALID: dict[str, dict[str, Any]] = {
    "hello": {},
    "ping": {},
    "refresh_token": {"token": "a.b.c"},
    "sync": {"positions": {"lobby": ""}, "limit": 5},
    "send_message": {
        "conversation_id": "lobby",
        "message_type": "text",
        "content": "x",
        "reply_to_message_id": "0" * 26,
        "client_message_id": "c1",
        "delivery_receipt": True,
    },
    "delete_message": {"conversation_id": "lobby", "message_id": "0" * 26},
    "message_read": {"conversation_id": "lobby", "message_id": "0" * 26},
    "message_delivered": {"conversation_id": "lobby", "message_id": "0" * 26},
    "set_status": {"status": "away"},
    "join_room": {"room_id": "lobby"},
    "leave_room": {"room_id": "lobby"},
    "typing_start": {"conversation_id": "lobby"},
    "typing_stop": {"conversation_id": "lobby"},
}
OPTIONAL = {
    *("limit", "reply_to_message_id", "client_message_id", "positions", "after_room"),
    "delivery_receipt",
}
ANYTHING = {"content", "message_type"}  # any JSON is content; a type may look like a path
HOSTILE: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    [],
    {},
    [["lobby"]],
    {"lobby": {"$ne": 1}},
    {"no room!": "x"},
    {"lobby": 1},
    {"lobby": "not:a:position"},
    {"lobby": "us-east-1:-1:x"},
    "",
    " ",
    "lobby\n",
    "lobby\x00",
    "../../etc/passwd",
    "lobby#us-east-1",
    "lobby' OR '1'='1",
    "<script>alert(1)</script>",
    "\ud800",
    "\u202elobby",
    "łobby",
    "x" * 70_000,
]
CODES = {kind.code for kind in TidingsError.__subclasses__()} - {"internal"}


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    return world


def check(world: World, device: str, frame: str, *, refused: bool) -> None:
    answer = world.frame(device, frame)
    assert answer["event"] in ({"error"} if refused else {"error", "ack"}), frame[:200]
    if answer["event"] == "error":
        assert set(answer["data"]) - {"retry_after_ms", "reason"} == {
            "code",
            "message",
            "retryable",
        }
        assert answer["data"]["code"] in CODES, frame[:200]
        assert answer["data"]["retryable"] is False, frame[:200]
        assert len(answer["data"]["message"]) <= 200
        assert "Traceback" not in answer["data"]["message"]


def framed(action: Any, data: Any) -> str:
    return json.dumps({"action": action, "data": data, "id": 1})


@pytest.mark.parametrize("action", VALID)
def test_fields_missing_wrong_oversized_and_hostile(world: World, action: str) -> None:
    device = world.connect("alice")
    for field in VALID[action]:
        rest = {name: value for name, value in VALID[action].items() if name != field}
        check(world, device, framed(action, rest), refused=field not in OPTIONAL)
        for value in HOSTILE:
            acceptable = field in OPTIONAL | ANYTHING
            check(world, device, framed(action, {**rest, field: value}), refused=not acceptable)
    assert world.act(device, "hello")["user_id"] == "alice"


@pytest.mark.parametrize("action", VALID)
@pytest.mark.parametrize("extra", ["unknown", "user_id", "sender_id", "__proto__", "__class__", ""])
def test_unknown_fields_are_refused(world: World, action: str, extra: str) -> None:
    device = world.connect("alice")
    check(world, device, framed(action, {**VALID[action], extra: 1}), refused=True)
    assert world.act(device, "hello")


@pytest.mark.parametrize("action", [*VALID, "nonsense", "__init__", "", 1, None, [], {}])
def test_data_that_is_no_object(world: World, action: Any) -> None:
    device = world.connect("alice")
    for data in (None, [], "x", 1, True, [[]]):
        # Without data an action that needs none is complete.
        harmless = data is None and action in ("hello", "ping", "sync")
        check(world, device, framed(action, data), refused=not harmless)
    assert world.act(device, "hello")


@pytest.mark.parametrize(
    "frame",
    [
        "",
        " ",
        "null",
        "not json",
        '{"action":"hello"',
        '{"action":"hello","data":NaN}',
        '{"action":"send_message","data":{"content":Infinity}}',
        "[" * 30_000,
        '{"a":' * 30_000,
        '{"action":"hello\x00","data":{}}',
        "\x00",
        "\ufeff{}",
        "1" * 10_000,
    ],
)
def test_frames_that_are_none(world: World, frame: str) -> None:
    device = world.connect("alice")
    check(world, device, frame, refused=True)
    assert world.act(device, "hello")


@pytest.mark.parametrize("identifier", [1, "x", "", None, 1.5, True, {}, [1], {"a": [None]}])
def test_any_id_comes_back(world: World, identifier: Any) -> None:
    device = world.connect("alice")
    for action in ("hello", "nonsense"):
        answer = world.frame(device, json.dumps({"action": action, "id": identifier}))
        assert answer["id"] == identifier


def test_content_is_kept_as_it_came_or_refused_for_its_size(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    base = {"conversation_id": "lobby", "message_type": "text"}
    deep: Any = "x"
    for _ in range(64):  # the most, see nesting
        deep = [deep]
    for content in ["\x00", "\u202e", "🧑‍🚀", deep, {"": None}, 1e300, -(2**63), ""]:
        world.act(alice, "send_message", content=content, **base)
        world.pump()
        assert world.poster.to(bob, "message_received")[-1]["content"] == content
    answer = world.ask(alice, "send_message", content="é" * 40_000, **base)
    assert answer["data"]["code"] == "too_large"


def test_the_table_is_complete() -> None:
    assert set(VALID) == set(ACTIONS)
