"""Socket.IO over websockets, on the twins: sessions, namespaces, acks, parking."""

from __future__ import annotations

import json

import pytest

from chalicelib.entrypoints.http import operating, rest
from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from chalicelib.model.delivery import Outcome
from tests.support.socketio import Client
from tests.support.world import World

OPENED = {"upgrades": [], "pingInterval": 240_000, "pingTimeout": 60_000, "maxPayload": 1_000_000}


@pytest.fixture
def world() -> World:
    return World()


def test_the_open_packet_comes_when_the_socket_is_there(world: World) -> None:
    world.poster.script["s1="] = [Outcome.GONE, Outcome.GONE, Outcome.GONE]
    client = Client(world, "s1=")
    assert client.answer["statusCode"] == 200
    world.pump(until_ms=world.clock.ms)
    [opened] = client.posted
    assert opened.startswith("0")
    assert json.loads(opened[1:]) == {"sid": "s1=", **OPENED}


def test_a_cold_start_does_not_make_a_connection_old(world: World) -> None:
    world.cold_start_ms = 7_000
    world.poster.script["s1="] = [Outcome.GONE, Outcome.GONE]
    client = Client(world, "s1=")
    world.pump(until_ms=world.clock.ms)
    assert [frame[0] for frame in client.posted] == ["0"]


@pytest.mark.parametrize(
    "query", [{"EIO": "3"}, {"EIO": ""}, {"transport": "polling"}, {"transport": ""}]
)
def test_handshakes_that_are_none(world: World, query: dict[str, str]) -> None:
    assert Client(world, "s1=", **query).answer["statusCode"] == 400


def test_a_websocket_for_a_session_that_is_not_is_closed_once_it_is_open(world: World) -> None:
    client = Client(world, "s1=", sid="unknown")
    assert client.answer["statusCode"] == 200
    world.pump()
    assert client.closed


def test_a_bad_token_in_the_query_is_refused_at_once(world: World) -> None:
    assert Client(world, "s1=", token="nonsense").answer["statusCode"] == 401


def test_a_chat_between_a_socketio_client_and_a_json_client(world: World) -> None:
    world.room("alice", "bob")
    client, bob = Client(world, "s1="), world.connect("bob")
    client.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "hi"}
    ack = client.act("send_message", body)
    assert ack["ok"] is True
    world.act(bob, "send_message", **{**body, "content": "hello"})
    world.pump(until_ms=world.clock.ms)
    assert [got["content"] for got in world.poster.to(bob, "message_received")] == ["hi"]
    [[name, data]] = [e for e in client.events() if e[0] == "message_received"]
    assert (name, data["content"], data["sender_id"]) == ("message_received", "hello", "bob")


def test_the_token_may_come_with_the_query(world: World) -> None:
    client = Client(world, "s1=", token=world.token("alice"))
    assert client.say("40").startswith('40{"sid":"')
    assert client.act("hello", {})["data"]["user_id"] == "alice"


@pytest.mark.parametrize("payload", ["", "{}", '{"token":5}', '{"token":"nonsense"}'])
def test_without_a_good_token_nobody_is_let_in(world: World, payload: str) -> None:
    client = Client(world, "s1=")
    answer = client.say(f"40{payload}")
    assert answer.startswith('44{"message":"')
    assert json.loads(answer[2:])["data"]["code"] == "unauthorized"
    world.wait(46)
    assert client.closed


def test_a_revoked_user_is_refused_and_his_sessions_end(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("mallory")
    parts = {"user_id": "mallory", "roles": ["admin"]}
    answer = world.http(operating.disconnect_user, "root", {"for_s": 60}, **parts)
    assert answer.status == 200
    world.pump(until_ms=world.clock.ms)
    assert client.closed
    again = Client(world, "s2=").say("40" + json.dumps({"token": world.token("mallory")}))
    assert json.loads(again[2:])["data"]["code"] == "permission_denied"


def test_namespaces_get_theirs_only(world: World) -> None:
    for one, other in (("alice", "bob"), ("bob", "alice")):
        world.http(rest.put_friend, one, user_id=other)
    client = Client(world, "s1=")
    sids = {client.connect("bob", each) for each in ("/", "/moments", "/notifications")}
    assert len(sids) == 3
    world.http(rest.post_moment, "alice", {"message_type": "text", "content": "x"})
    world.pump(until_ms=world.clock.ms)
    names = lambda prefix: [e[0] for e in client.events(prefix)]  # noqa: E731
    assert "moment_posted" in names("42")
    assert names("42/moments,") == ["moment_posted"]
    assert names("42/notifications,") == []
    assert client.say("40/random,") == '44/random,{"message":"Invalid namespace"}'
    assert client.act("hello", {}, "/moments,")["data"]["user_id"] == "bob"
    assert client.say("41/moments,") == ""
    world.http(rest.post_moment, "alice", {"message_type": "text", "content": "y"})
    world.pump(until_ms=world.clock.ms)
    assert names("42/moments,") == ["moment_posted"]


def test_errors_come_in_the_ack_or_as_an_event(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    refused = client.act("send_message", {"conversation_id": "lobby"})
    assert (refused["ok"], refused["error"]["code"]) == (False, "bad_request")
    assert client.act("nonsense", None)["error"]["code"] == "unknown_action"
    name, data = json.loads(client.say('42["nonsense"]')[2:])
    assert (name, data["action"], data["code"]) == ("error", "nonsense", "unknown_action")
    assert client.say('42["ping"]') == "", "no ack was asked for, and it went well"
    assert not client.closed


@pytest.mark.parametrize(
    "frame",
    [
        *("", "9", "abc", "4", "49", "42{}", "42abc[]", "40[]", '42["connect"]', "44{}"),
        *("2", "5", "0{}", "b!", "451-", "4999-[]", "42" + "[" * 30_000),
    ],
)
def test_what_cannot_be_decoded_ends_the_session(world: World, frame: str) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    client.say(frame)
    assert client.closed
    assert world.adapters.connections.get("s1=") is None


def test_an_event_without_a_connect_ends_the_session_after_a_while(world: World) -> None:
    client = Client(world, "s1=")
    before = world.clock.ms
    assert client.say('42["hello"]') == ""
    assert client.closed
    assert 500 <= world.clock.ms - before <= 2_000


def test_an_event_that_overtakes_its_connect_waits_for_it(world: World) -> None:
    client = Client(world, "s1=")
    world.clock.at(100, lambda: client.connect("alice"))
    assert client.act("hello", {})["data"]["user_id"] == "alice"
    assert not client.closed


def test_the_end_of_the_websocket_ends_every_namespace(world: World) -> None:
    client = Client(world, "s1=")
    for namespace in ("/", "/moments"):
        client.connect("alice", namespace)
    world.disconnect("s1=")
    assert world.adapters.connections.of_user("alice") == []
    assert world.sessions.get("s1=") is None


def test_the_client_may_say_goodbye(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    assert client.say("1") == ""
    assert client.closed


def test_a_session_is_closed_before_api_gateway_would(world: World) -> None:
    client = Client(world, "s1=")
    token = world.token("alice")
    assert client.say("40" + json.dumps({"token": token})).startswith("40")
    minutes = 0
    while not client.closed:
        minutes += 1
        world.wait(60)
        client.say("3")
        assert minutes < 120
    assert minutes >= 95


ENGINE_FRAMES = [
    *("41", "41/moments,", "40", '40{"token":"x"}', "40/random,", '42["hello"]', '421["hello"]'),
    *("0", "1", "2", "2probe", "3", "4", "5", "6", "b", "bAQ==", "4", "431[]", "43[]", "44{}"),
    *('451-1["e",{"_placeholder":true,"num":0}]', "42" + json.dumps(["e", [[]] * 9]), "7", "41 "),
    '42["e",' + "[" * 100 + "]" * 100 + "]",
]


@pytest.mark.parametrize("away", [False, True], ids=["", "without redis"])
@pytest.mark.parametrize("frame", ENGINE_FRAMES)
def test_a_json_connection_is_answered_in_json(world: World, frame: str, away: bool) -> None:
    bob = world.connect("bob")
    world.cache.down = world.sessions.down = away
    before = world.clock.ms
    answer = world.frame(bob, frame)
    assert (answer["event"], answer["data"]["code"]) == ("error", "bad_request")
    assert world.clock.ms - before < 50, "it does not wait for a CONNECT"
    assert world.adapters.connections.get(bob) is not None
    assert world.poster.closed == []
    assert world.sessions._kept == {}
    assert world.act(bob, "hello")["user_id"] == "bob"


def test_a_json_connection_s_frames_cost_no_read_of_the_store(world: World) -> None:
    bob = world.connect("bob")
    for frame in ENGINE_FRAMES:
        reads: list[str] = []
        store = world.adapters.connections
        world.services.frames._store = Noting(store, reads)  # type: ignore[assignment]
        world.services.connections._store = Noting(store, reads)  # type: ignore[assignment]
        world.frame(bob, frame)
        assert reads == [], frame


class Noting:
    """A port whose calls are noted by name."""

    def __init__(self, inner: object, calls: list[str]) -> None:
        self._inner, self._calls = inner, calls

    def __getattr__(self, name: str) -> object:
        self._calls.append(name)
        return getattr(self._inner, name)


@pytest.mark.parametrize(
    "frame",
    ['{"action":"hello"}', '{"action":"nonsense"}', "{", '{"action":"send_message","data":{}}'],
)
@pytest.mark.parametrize("namespace", [None, "/", "/moments"])
def test_json_on_a_socketio_connection_ends_it(
    world: World, frame: str, namespace: str | None
) -> None:
    client = Client(world, "s1=")
    if namespace is not None:
        client.connect("alice", namespace)
    assert client.say(frame) == ""
    assert client.closed
    assert world.adapters.connections.of_user("alice") == []


@pytest.mark.parametrize("body", ["3", "40{}", "nonsense"])
def test_a_frame_of_another_protocol_pays_once(body: str) -> None:
    world = World(limits={**DEFAULT_LIMITS, "*": Rate(0.001, 3)})
    bob = world.connect("bob")
    codes = [json.loads(world.say(bob, body))["data"]["code"] for _ in range(5)]
    assert codes == ["bad_request"] * 3 + ["rate_limited"] * 2
