"""Limits: what a user may do too often is refused, and costs nobody else anything."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.composition import compose
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import rest
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from chalicelib.kernel.settings import Settings
from chalicelib.model.identifiers import ConnectionId, Region, RoomId, UserId
from chalicelib.model.lines import Turn
from tests.support.counting import counted
from tests.support.world import START_MS, World

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
    assert refusal["retry_after_ms"] == 500
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
    assert answer.body["error"]["retry_after_ms"] == 1000
    assert answer.headers == {"Retry-After": "1"}
    bob = world.connect("bob")
    assert outcomes(world, bob, 1) == ["ack"]
    assert outcomes(world, devices[0], 1, "hello") == ["ack"], "another bucket"


def test_the_user_pays_from_the_first_frame_of_each_connection_on() -> None:
    world = limited(send_message=Rate(1, 4))
    seen = []
    for _ in range(3):
        device = world.connect("alice")
        for _ in range(2):
            world.services.frames._users.clear()  # as in an environment that just started
            seen += outcomes(world, device, 1)
    assert seen == ["ack"] * 4 + ["rate_limited"] * 2, "a connection brings no fresh burst"


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[]",
        '{"action": 1}',
        '{"action":"dance"}',
        '{"action":"send_message","data":{}}',
        '{"action":"hello","more":1}',
    ],
)
@pytest.mark.parametrize("knows", [True, False])
def test_an_invalid_frame_is_paid_for(frame: str, knows: bool) -> None:
    world = limited(**{"*": Rate(1, 5)})
    alice = world.connect("alice")
    codes = []
    for _ in range(6):
        if not knows:
            world.services.frames._users.clear()
        codes.append(world.frame(alice, frame)["data"]["code"])
    refusals = {"bad_request", "unknown_action"}
    assert [code in refusals for code in codes[:2]] == [True, True]
    assert codes[-1] == "rate_limited"
    assert world.ask(alice, "hello")["data"]["code"] == "rate_limited", "of the same bucket"


def test_an_invalid_frame_costs_one_trip() -> None:
    world = limited()
    alice = world.connect("alice")
    world.act(alice, "hello")
    ports = counted(world)
    assert world.frame(alice, '{"action":"dance"}')["data"]["code"] == "unknown_action"
    assert {name: port.calls for name, port in ports.items() if port.calls} == {"cache": ["frame"]}


def test_who_keeps_being_refused_is_closed_and_told_when_to_come_back() -> None:
    world = limited(send_message=Rate(1, 2), refused=Rate(1, 3))
    alice, other, bob = world.connect("alice"), world.connect("alice"), world.connect("bob")
    assert outcomes(world, alice, 5) == ["ack", "ack"] + ["rate_limited"] * 3
    assert world.poster.closed == []
    refusal = world.ask(alice, "send_message", **TEXT)["data"]
    assert (refusal["code"], refusal["retry_after_ms"]) == ("rate_limited", 10_000)
    assert world.poster.closed == [alice]
    [told] = world.poster.to(alice, "reconnect")
    assert told["reason"] == "rate_limited"
    assert 10_000 <= told["after_ms"] <= 12_000
    assert world.ask(alice, "hello")["data"]["code"] == "unauthorized", "it has ended"
    assert world.act(other, "hello"), "what is allowed goes on"
    assert outcomes(world, bob, 1) == ["ack"]
    world.clock.ms += 2_000
    assert outcomes(world, other, 3) == ["ack", "ack", "rate_limited"]
    assert world.poster.closed == [alice], "refusals are forgotten at their rate"


def test_who_keeps_sending_nonsense_is_closed() -> None:
    world = limited(refused=Rate(1, 3))
    alice = world.connect("alice")
    codes = [world.frame(alice, "nonsense")["data"]["code"] for _ in range(2)]
    assert codes == ["bad_request"] * 2
    while alice not in world.poster.closed:
        codes.append(world.frame(alice, "nonsense")["data"]["code"])
    assert len(codes) <= 4
    assert codes[-1] == "rate_limited"


def test_connects_are_paid_for() -> None:
    world = limited(connect=Rate(1, 2))
    for _ in range(2):
        world.connect("alice")
    ports = counted(world)
    token = world.token("alice")
    answer = websocket.connect(world.services, world.connect_event("conn-3=", token))
    assert answer["statusCode"] == 429
    assert {name: port.calls for name, port in ports.items() if port.calls} == {
        "cache": ["spend"],
        "secrets": ["get"],
    }, "refused before anything is read or written"
    world.connect("bob")
    world.clock.ms += 1000
    world.connect("alice")


def test_a_further_connection_costs_two_trips() -> None:
    world = limited()
    world.connect("alice")
    ports = counted(world)
    world.connect("alice")
    assert ports["cache"].calls == ["spend", "register"]


def test_one_connection_more_than_allowed() -> None:
    world = World(max_connections=2)
    for _ in range(2):
        world.connect("alice")
    event = world.connect_event("conn-3=", world.token("alice"))
    assert websocket.connect(world.services, event)["statusCode"] == 429
    assert len(world.adapters.connections.of_user(UserId("alice"))) == 2


def test_an_expired_connection_that_is_refused_reads_no_store() -> None:
    world = limited(**{"*": Rate(1, 2)})
    alice = world.connect("alice", exp=START_MS // 1000 + 60)
    world.act(alice, "hello")
    world.clock.ms += 90_000
    ports = counted(world)
    codes = [world.ask(alice, "hello")["data"]["code"] for _ in range(4)]
    assert codes == ["unauthorized"] * 2 + ["rate_limited"] * 2
    assert ports["connections"].calls == ["get"] * 2


def test_a_sync_pays_for_its_conversations() -> None:
    world = limited(sync=Rate(1, 7))
    alice = world.connect("alice")
    few = {f"room{n}": "" for n in range(25)}
    many = {f"room{n}": "" for n in range(76)}
    assert world.ask(alice, "sync", positions=few)["event"] == "ack"
    assert world.ask(alice, "sync", positions={})["event"] == "ack"
    refusal = world.ask(alice, "sync", positions=many)["data"]
    assert (refusal["code"], refusal["retry_after_ms"]) == ("rate_limited", 2_000)
    assert world.ask(alice, "sync", positions=few)["event"] == "ack"


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
    assert drawn(world).leads


@pytest.mark.parametrize("fault", [Unavailable("away"), RuntimeError("a bug")])
def test_a_frame_that_fails_leaves_no_gap_for_others_to_wait_for(fault: Exception) -> None:
    world = limited()
    alice = world.connect("alice")

    class Failing:
        def member(self, *arguments: object) -> None:
            raise fault

    world.cache.bump(RoomId("lobby"))  # so that the member is read from the store
    adapters = replace(world.adapters, rooms=Failing())  # type: ignore[arg-type]
    world.services = compose(world.settings, adapters)
    assert outcomes(world, alice, 1) in (["unavailable"], ["internal"])
    assert drawn(world).leads


def drawn(world: World) -> Turn:
    turn = world.cache.frame(ConnectionId("none"), RoomId("lobby"), Region("us-east-1")).turn
    assert turn is not None
    return turn


def crowded(**settings: Any) -> World:
    """Every member may use half of the room's rate of four at once, one a second."""
    world = World(**{"room_rate": Rate(1, 4), "room_share": 0.5, **settings})
    world.room("alice", "bob", "carol")
    return world


def test_a_room_has_a_rate_and_nobody_can_use_it_up_alone() -> None:
    world = crowded()
    alice, bob, carol = (world.connect(user) for user in ("alice", "bob", "carol"))
    for device in (alice, bob, carol):
        world.act(device, "hello")
    assert outcomes(world, alice, 3) == ["ack", "ack", "rate_limited"]
    assert outcomes(world, bob, 2) == ["ack", "ack"]
    refusal = world.ask(carol, "send_message", **TEXT)["data"]
    assert (refusal["code"], refusal["retryable"]) == ("rate_limited", True)
    assert refusal["message"] == "too many messages in this room, try again in 1000 ms"
    assert refusal["retry_after_ms"] == 1000
    world.room("carol", room_id="other")
    assert world.act(carol, "send_message", **{**TEXT, "conversation_id": "other"})
    world.clock.ms += 1000
    assert outcomes(world, carol, 1) == ["ack"]
    assert outcomes(world, alice, 1, "hello") == ["ack"], "it is not an append"


def test_a_refused_frame_costs_one_trip_and_no_write() -> None:
    world = crowded()
    alice = world.connect("alice")
    world.act(alice, "hello")
    ports = counted(world)
    world.act(alice, "hello")
    outcomes(world, alice, 2)
    ports["cache"].calls, ports["log"].calls = [], []
    assert outcomes(world, alice, 1) == ["rate_limited"]
    assert ports["cache"].calls == ["frame"]
    assert ports["log"].calls == []


def test_a_room_s_deletions_and_http_requests_are_charged_alike() -> None:
    world = crowded()
    alice = world.connect("alice")
    world.act(alice, "hello")
    message_id = world.act(alice, "send_message", **TEXT)["message_id"]
    ref = {"conversation_id": "lobby", "message_id": message_id}
    assert world.ask(alice, "delete_message", **ref)["event"] == "ack"
    body = {"message_type": "text", "content": "x"}
    answer = world.http(rest.post_message, "alice", body, room_id="lobby")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
    assert answer.body["error"]["retry_after_ms"] == 2000
    answer = world.http(rest.delete_message, "alice", room_id="lobby", message_id=message_id)
    assert answer.status == 429
    assert world.http(rest.post_message, "bob", body, room_id="lobby").status == 201


def test_who_may_not_write_takes_nothing_of_a_room_s_rate() -> None:
    world = crowded()
    stranger, bob = world.connect("stranger"), world.connect("bob")
    assert set(outcomes(world, stranger, 20)) == {"permission_denied"}
    body = {"message_type": "text", "content": "x"}
    for _ in range(5):
        answer = world.http(rest.post_message, "stranger", body, room_id="lobby")
        assert answer.status == 403
    too_large = {**TEXT, "content": "x" * 70_000}
    assert [world.ask(bob, "send_message", **too_large)["event"] for _ in range(9)] == ["error"] * 9
    assert outcomes(world, bob, 2) == ["ack", "ack"]


@pytest.mark.parametrize("action", ["send_message", "delete_message"])
def test_who_names_a_message_that_does_not_exist_pays_for_the_reads(action: str) -> None:
    world = crowded()
    alice, bob = world.connect("alice"), world.connect("bob")
    made_up = "0" * 26
    named = {
        "send_message": {**TEXT, "reply_to_message_id": made_up},
        "delete_message": {"conversation_id": "lobby", "message_id": made_up},
    }
    codes = [world.ask(alice, action, **named[action])["data"]["code"] for _ in range(3)]
    assert codes == ["not_found", "not_found", "rate_limited"]
    assert outcomes(world, bob, 2) == ["ack", "ack"], "the room waits for nobody"


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
    token = world.token("alice")
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


def test_room_rates_come_from_the_environment() -> None:
    read = Settings.from_env({"TIDINGS_ROOM_RATE": "[50, 100]", "TIDINGS_ROOM_SHARE": "0.1"})
    assert (read.room_rate, read.room_share) == (Rate(50, 100), 0.1)
    assert Settings.from_env({}).room_rate == Rate(250, 500)
    for name, bad in [
        *(("TIDINGS_ROOM_RATE", bad) for bad in ("{}", "5", "[0, 1]", "[1, 0]", "[1]", "x")),
        *(("TIDINGS_ROOM_SHARE", bad) for bad in ("0", "-1", "1.5", "x")),
    ]:
        with pytest.raises(ValueError):
            Settings.from_env({name: bad})


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
