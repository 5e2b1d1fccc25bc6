"""Limits: what a user may do too often is refused, and costs nobody else anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import rest
from chalicelib.kernel.settings import DEFAULT_LIMITS, Rate, Settings
from chalicelib.model.identifiers import Region, RoomId
from tests.support.world import World

TEXT = {"conversation_id": "lobby", "message_type": "text", "content": "x"}


def limited(**rates: Rate) -> World:
    world = World(limits={**DEFAULT_LIMITS, **rates})
    world.room("alice", "bob")
    return world


def outcomes(world: World, device: str, count: int, action: str = "send_message") -> list[str]:
    data: dict[str, Any] = TEXT if action == "send_message" else {}
    answers = [world.ask(device, action, **data) for _ in range(count)]
    return [a["data"].get("code", "ack") if a["event"] == "error" else "ack" for a in answers]


def test_a_burst_then_the_rate() -> None:
    world = limited(send_message=Rate(2, 3))
    alice = world.connect("alice")
    world.act(alice, "hello")  # from now on the process knows whose connection it is
    assert outcomes(world, alice, 5) == ["ack"] * 3 + ["rate_limited"] * 2
    world.clock.ms += 499
    assert outcomes(world, alice, 1) == ["rate_limited"]
    world.clock.ms += 1
    assert outcomes(world, alice, 2) == ["ack", "rate_limited"]
    refusal = world.ask(alice, "send_message", **TEXT)["data"]
    assert refusal["retryable"] is True
    assert refusal["message"] == "too many requests of this kind, try again in 500 ms"
    world.clock.ms += 3_600_000
    assert outcomes(world, alice, 4) == ["ack"] * 3 + ["rate_limited"]


def test_it_is_the_user_s_over_all_devices_and_http() -> None:
    world = limited(send_message=Rate(1, 4))
    devices = [world.connect("alice") for _ in range(2)]
    for device in devices:
        world.act(device, "hello")
    assert [outcomes(world, device, 2) for device in devices] == [["ack", "ack"]] * 2
    assert outcomes(world, devices[0], 1) == ["rate_limited"]
    body = {"message_type": "text", "content": "x"}
    answer = world.http(rest.post_message, "alice", body, room_id="lobby")
    assert (answer.status, answer.body["error"]["code"]) == (429, "rate_limited")
    bob = world.connect("bob")
    assert outcomes(world, bob, 1) == ["ack"]
    assert outcomes(world, devices[0], 1, "hello") == ["ack"], "another bucket"


def test_a_process_that_does_not_know_the_user_takes_from_the_connection() -> None:
    world = limited(send_message=Rate(1, 2))
    alice = world.connect("alice")
    seen = []
    for _ in range(4):
        world.services.frames._users.clear()  # as in an environment that just started
        seen += outcomes(world, alice, 1)
    assert seen == ["ack", "ack", "rate_limited", "rate_limited"]


def test_actions_without_a_rate_share_one() -> None:
    world = limited(**{"*": Rate(1, 4)})  # the room's creation took one
    alice = world.connect("alice")
    world.services.frames._users[alice] = "alice"
    assert outcomes(world, alice, 2, "hello") == ["ack", "ack"]
    assert outcomes(world, alice, 2, "ping") == ["ack", "rate_limited"]


def test_a_refused_frame_leaves_no_gap_for_others_to_wait_for() -> None:
    world = limited(send_message=Rate(1, 2))
    alice, bob, eve = world.connect("alice"), world.connect("bob"), world.connect("eve")
    outcomes(world, alice, 30)
    outcomes(world, eve, 2)
    too_large = world.ask(bob, "send_message", **{**TEXT, "content": "x" * 70_000})
    assert too_large["data"]["code"] == "too_large"
    before_ms = world.clock.ms
    assert outcomes(world, bob, 1) == ["ack"]
    assert world.clock.ms == before_ms, "it did not wait for a turn"
    head = world.adapters.log.heads([(RoomId("lobby"), Region("us-east-1"))])
    frame = world.cache.frame("none", RoomId("lobby"), Region("us-east-1"))
    assert frame.ticket == next(iter(head.values())).seq + 1


def test_without_redis_nobody_is_limited_and_a_metric_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = limited(send_message=Rate(1, 1))
    alice = world.connect("alice")
    world.cache.down = True
    with caplog.at_level("INFO", "chalicelib"):
        assert outcomes(world, alice, 3) == ["ack"] * 3
        body = {"message_type": "text", "content": "x"}
        answer = world.http(rest.post_message, "alice", body, room_id="lobby")
        assert answer.status == 201
    lines = [json.loads(record.message) for record in caplog.records]
    assert sum(line.get("limits_open", 0) for line in lines) == 4


def test_a_user_has_so_many_connections() -> None:
    world = World(max_connections=3)
    devices = [world.connect("alice") for _ in range(3)]
    token = world.token("alice", 10**9)
    answer = websocket.connect(world.services, world.connect_event("one-more=", token))
    assert answer["statusCode"] == 429
    assert world.adapters.connections.get("one-more=") is None
    assert world.connect("bob")
    world.disconnect(devices[0])
    assert world.connect("alice")


def test_a_user_is_in_so_many_rooms_and_a_room_has_so_many_members() -> None:
    world = World(max_rooms=2, max_members=3)
    world.room("alice", "bob", room_id="one")
    world.room("alice", room_id="two")
    body = {"room_type": "group_chat", "participants": []}
    for user, status in [("alice", 409), ("bob", 201)]:
        answer = world.http(rest.create_room, user, body)
        assert answer.status == status, answer
    added = world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id="two")
    assert (added.status, "rooms" in added.body["error"]["message"]) == (409, True)
    world.http(rest.add_member, "alice", {"user_id": "carol"}, room_id="one")
    full = world.http(rest.add_member, "alice", {"user_id": "dave"}, room_id="one")
    assert (full.status, "full" in full.body["error"]["message"]) == (409, True)
    again = world.http(rest.add_member, "alice", {"user_id": "carol"}, room_id="one")
    assert again.status == 201
    crowd = {"room_type": "group_chat", "participants": ["a", "b", "c"]}
    assert world.http(rest.create_room, "carol", crowd).status == 409


def test_limits_come_from_the_environment() -> None:
    read = Settings.from_env({"TIDINGS_LIMITS": '{"sync": [0.5, 3]}', "TIDINGS_MAX_ROOMS": "7"})
    assert (read.limits["sync"], read.max_rooms) == (Rate(0.5, 3), 7)
    assert read.limits["*"] == DEFAULT_LIMITS["*"]
    for bad in (
        "[]",
        '{"sync": 1}',
        '{"sync": [0, 1]}',
        '{"sync": [1, 0]}',
        "x",
        '{"a": ["1", 1]}',
    ):
        with pytest.raises(ValueError):
            Settings.from_env({"TIDINGS_LIMITS": bad})
