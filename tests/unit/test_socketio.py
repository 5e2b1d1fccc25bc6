"""Socket.IO over websockets, on the twins: sessions, namespaces, acks, parking, heartbeat."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.entrypoints import queues
from chalicelib.entrypoints.http import rest
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, UserId
from chalicelib.services import compose
from tests.support.socketio import Client, Poller, contents
from tests.support.world import Killed, World, record

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
    client = Client(world, "s1=", token=world.token("alice", 10**9))
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
    answer = world.http(rest.disconnect_user, "root", {"for_s": 60}, **parts)
    assert answer.status == 200
    world.pump(until_ms=world.clock.ms)
    assert client.closed
    again = Client(world, "s2=").say("40" + json.dumps({"token": world.token("mallory", 10**9)}))
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


def test_the_heartbeat_asks_and_ends_who_does_not_answer(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    for asked in (1, 2, 3):
        world.wait(240)
        assert client.posted.count("2") == asked
        assert client.say("3") == ""
    assert not client.closed
    world.wait(239)
    assert not client.closed
    world.wait(62)
    assert client.closed
    assert world.adapters.connections.get("s1=") is None


def test_a_repeated_job_does_not_double_the_heartbeat(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    [beat] = [job for job in world.adapters.outbound.jobs if job.kind == "heartbeat"]
    world.adapters.outbound.send([beat])
    world.wait(241)
    assert client.posted.count("2") == 1


def test_a_heartbeat_that_was_lost_begins_again_with_a_sweep(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    world.adapters.outbound.jobs.clear()
    world.clock.ms += 361_000
    world.sweep()
    world.pump(until_ms=world.clock.ms)
    assert client.posted.count("2") == 1
    client.say("3")
    world.wait(240)
    assert client.posted.count("2") == 2


def test_redis_emptied_in_mid_session(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    world.cache.flush()
    world.sessions.flush()
    assert client.act("hello", {})["data"]["user_id"] == "alice"
    world.wait(241)
    assert client.posted.count("2") == 0, "heard of when it was found again"
    world.wait(240)
    assert client.posted.count("2") == 1
    assert not client.closed


def test_redis_away(world: World) -> None:
    world.cache.down = world.sessions.down = True
    client = Client(world, "s1=")
    client.connect("alice")
    assert client.act("hello", {})["ok"] is True
    world.wait(600)
    assert not client.closed
    world.cache.down = world.sessions.down = False
    world.wait(241)
    assert client.act("hello", {})["ok"] is True


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
    token = world.token("alice", 10**9)
    assert client.say("40" + json.dumps({"token": token})).startswith("40")
    minutes = 0
    while not client.closed:
        minutes += 1
        world.wait(60)
        client.say("3")
        assert minutes < 120
    assert minutes >= 95


PIECES = st.sampled_from(
    [
        *(
            "0",
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "b",
            "/",
            ",",
            "-",
            '"',
            "[",
            "]",
            "{",
            "}",
            "?",
            "\x1e",
        ),
        *(
            "40",
            "41",
            "42",
            "43",
            "44",
            "451-",
            "46",
            "2probe",
            "b!",
            "bAQID",
            "/moments,",
            "1e400",
        ),
        *(
            '["hello"]',
            '{"token":"x"}',
            '["hello",{}]',
            '{"_placeholder":true,"num":0}',
            r'["hello","\ud800"]',
        ),
    ]
)
FRAMES = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30)


@given(frames=st.lists(FRAMES, min_size=1, max_size=6))
def test_fuzzed_frames_never_raise(frames: list[str]) -> None:
    """Whatever comes, the function answers, and what it answers is of the protocol."""
    world = World()
    client = Client(world, "s1=")
    client.connect("alice")
    for frame in frames:
        answer = client.say(frame)
        assert answer == "" or answer[0] in "{34"
    world.pump(until_ms=world.clock.ms)


@given(bodies=st.lists(FRAMES, min_size=1, max_size=4))
def test_fuzzed_posts_never_raise(bodies: list[str]) -> None:
    world = World()
    client = Poller(world)
    client.connect("alice")
    for body in bodies:
        assert client.post(body) in (200, 400)
        assert client.ask(body, body, sid=body).status == 400, "no such method or session"
    world.pump(until_ms=world.clock.ms)


def message(content: str) -> str:
    data = {"conversation_id": "lobby", "message_type": "text", "content": content}
    return json.dumps(["send_message", data])


def test_a_poll_waits_for_what_comes(world: World) -> None:
    world.room("alice", "bob")
    client, bob = Poller(world), world.connect("bob")
    assert client.handshake["upgrades"] == ["websocket"]
    client.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "hi"}

    def speak() -> None:
        world.act(bob, "send_message", **body)
        world.pump(until_ms=world.clock.ms)

    world.clock.at(300, speak)
    assert contents(client.poll().split("\x1e")) == ["hi"]


def test_a_polling_session_ends_before_what_is_kept_of_it_expires(world: World) -> None:
    client = Poller(world)
    client.connect("alice")
    began_ms = world.clock.ms
    while (answer := client.ask("GET", sid=client.sid)).status == 200 and answer.text != "1":
        if "2" in answer.text.split("\x1e"):
            assert client.post("3") == 200
        world.wait(10)
        assert world.clock.ms - began_ms < 7_200_000
    assert world.clock.ms - began_ms > 5_700_000


def test_a_poll_without_news_ends_after_a_while(world: World) -> None:
    client = Poller(world)
    client.connect("alice")
    before = world.clock.ms
    assert client.poll() == "6"
    assert 19_000 <= world.clock.ms - before <= 21_500


def test_a_poll_that_waits_is_let_go_when_its_user_is_thrown_out(world: World) -> None:
    client = Poller(world)
    client.connect("mallory")

    def throw_out() -> None:
        parts = {"user_id": "mallory", "roles": ["admin"]}
        world.http(rest.disconnect_user, "root", {"for_s": 60}, **parts)
        world.pump(until_ms=world.clock.ms)

    world.clock.at(300, throw_out)
    assert client.poll() == "1"
    assert client.ask("GET", sid=client.sid).status == 400
    assert client.post('420["hello"]') == 400


def test_without_redis_there_is_no_polling(world: World) -> None:
    client = Poller(world)
    world.sessions.down = True
    for method in ("GET", "POST"):
        assert client.ask(method, "4", sid=client.sid).status == 503
    assert client.ask("GET").status == 503


def test_a_payload_that_is_too_large_ends_the_session(world: World) -> None:
    client = Poller(world)
    assert client.post("4" + "x" * 1_000_001) == 413
    assert client.post("3") == 400


def test_an_outbox_that_nobody_fetches_is_bounded(world: World) -> None:
    world.room("alice", "bob")
    client, bob = Poller(world), world.connect("bob")
    client.connect("alice")
    world.clock.ms += 6_000
    for number in range(1_010):
        assert world.services.adapters.poster.post([Post(_known(world, client), b"4x")]), number
    world.act(bob, "send_message", conversation_id="lobby", message_type="text", content="x")
    world.pump(until_ms=world.clock.ms)
    assert world.adapters.connections.get(client.sid) is None


def _known(world: World, client: Poller) -> Target:
    known = world.adapters.connections.get(client.sid)
    assert known is not None
    return known.target


def test_an_upgrade_loses_and_doubles_nothing_wherever_its_job_has_to_finish_it(
    world: World,
) -> None:
    """The process dies at each of the posts of the hand-over; the job does the rest."""
    world.room("alice", "bob")
    bob = world.connect("bob")
    for dies_at in range(4):
        client = Poller(world)
        client.connect("alice")
        for number in range(3):
            body = {"conversation_id": "lobby", "message_type": "text", "content": str(number)}
            world.act(bob, "send_message", **body)
        world.pump(until_ms=world.clock.ms)
        websocket = Client(world, f"w{dies_at}=", sid=client.sid)
        assert websocket.say("2probe") == "3probe"
        world.poster.dies_in(dies_at)
        with contextlib.suppress(Killed):
            websocket.say("5")
        world.poster.dies_in(None)
        world.act(bob, "send_message", **{**body, "content": "late"})
        world.wait(12)
        assert client.ask("GET", sid=client.sid).status == 400
        got = contents(websocket.posted)
        assert list(dict.fromkeys(got)) == ["0", "1", "2", "late"], dies_at
        assert len(got) <= 5, "at most what was in flight comes twice"
        assert websocket.act("hello", {})["ok"] is True
        assert len(world.adapters.connections.of_user("alice")) == 1
        world.disconnect(websocket.sid)
        world.wait(15)


class DuringPost:
    """A poster; right after the first message to a websocket something else happens."""

    def __init__(self, inner: Any, sid: str, act: Callable[[], Any]) -> None:
        self._inner, self._sid, self._act = inner, sid, act

    def post(self, posts: list[Post]) -> list[Outcome]:
        outcomes: list[Outcome] = self._inner.post(posts)
        if any(p.target.connection_id == self._sid and b"42[" in p.data for p in posts):
            act, self._act = self._act, lambda: None
            act()
        return outcomes

    def close(self, target: Target) -> Outcome:
        return Outcome(self._inner.close(target))


def probed(world: World, messages: int) -> tuple[Poller, Client]:
    """A session whose messages wait for a poll, and a websocket that is about to take it over."""
    world.room("alice", "bob")
    bob, client = world.connect("bob"), Poller(world)
    client.connect("alice")
    for number in range(messages):
        body = {"conversation_id": "lobby", "message_type": "text", "content": str(number)}
        world.act(bob, "send_message", **body)
    world.pump(until_ms=world.clock.ms)
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    return client, websocket


@pytest.mark.parametrize("stalls_ms", [0, 9_000, 20_000])
def test_two_hand_overs_of_one_upgrade_keep_the_order_and_double_nothing(
    world: World, stalls_ms: int
) -> None:
    """The job comes while the first is at work, or has stalled for so long that it takes over."""
    client, websocket = probed(world, 4)
    usual = world.services
    answers = []

    def again() -> None:
        world.clock.ms += stalls_ms
        [job] = [job for job in world.adapters.outbound.jobs if job.kind == "engine_upgrade"]
        answers.append(queues.outbound(usual, {"Records": [record(job)]}))

    poster = DuringPost(world.adapters.poster, "w=", again)
    world.services = compose(world.settings, replace(world.adapters, poster=poster))
    assert websocket.say("5") == ""
    assert bool(answers[0]["batchItemFailures"]) is (stalls_ms < 10_000), "it comes again"
    world.services = usual
    world.wait(30)
    got = contents(websocket.posted)
    assert list(dict.fromkeys(got)) == ["0", "1", "2", "3"]
    in_flight = 1 if stalls_ms >= 10_000 else 0
    assert got == ["0"] * in_flight + ["0", "1", "2", "3"]
    assert websocket.act("hello", {})["ok"] is True
    session = world.sessions.get(ConnectionId("w="))
    assert session is not None
    assert session.namespaces == {"/"}
    assert world.sessions.get(client.sid) is None


@pytest.mark.parametrize("method", ["drain", "queued", "open"])
def test_an_upgrade_that_dies_between_its_steps_is_finished_by_its_job(
    world: World, method: str
) -> None:
    client = Poller(world)
    client.connect("alice")
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"

    def die() -> None:
        raise Killed

    died = Interrupted(world.sessions, method, die)
    usual = world.services
    world.services = compose(world.settings, replace(world.adapters, sessions=died))
    with pytest.raises(Killed):
        websocket.say("5")
    world.services = usual
    world.wait(30)
    assert websocket.act("hello", {})["ok"] is True
    session = world.sessions.get(ConnectionId("w="))
    assert session is not None
    assert session.upgrades is None
    assert session.namespaces == {"/"}


def test_a_websocket_that_ends_in_mid_hand_over_ends_the_session(world: World) -> None:
    _, websocket = probed(world, 3)
    world.poster.script["w="] = [Outcome.DELIVERED, Outcome.GONE]
    websocket.say("5")
    assert contents(websocket.posted) == ["0"], "none after the one that was missed"
    assert websocket.closed
    assert world.adapters.connections.of_user("alice") == []
    assert world.sessions.get(ConnectionId("w=")) is None
    world.wait(30)
    assert contents(websocket.posted) == ["0"]


class Interrupted:
    """A port; before the first call of one method something else happens."""

    def __init__(self, inner: Any, method: str, act: Callable[[], Any]) -> None:
        self._inner, self._method, self._act = inner, method, act

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            self._method = ""
            self._act()
        return getattr(self._inner, name)


@pytest.mark.parametrize(
    ("port", "method"), [("connections", "put"), ("cache", "register"), ("sessions", "connect")]
)
def test_an_upgrade_while_a_namespace_is_being_connected(
    world: World, port: str, method: str
) -> None:
    world.room("alice", "bob")
    bob, client = world.connect("bob"), Poller(world)
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    usual = world.services

    def upgrade() -> None:
        world.services = usual
        assert websocket.say("5") == ""

    inner = getattr(world.adapters, port)
    changed = replace(world.adapters, **{port: Interrupted(inner, method, upgrade)})
    world.services = compose(world.settings, changed)
    assert client.post("40" + json.dumps({"token": world.token("alice", 10**9)})) == 200
    assert websocket.posted[-1].startswith("40{")
    assert websocket.act("hello", {})["data"]["user_id"] == "alice"
    online = world.cache.online([UserId("alice")]) or {}
    assert [target.connection_id for target in online["alice"]] == ["w="]
    world.act(bob, "send_message", conversation_id="lobby", message_type="text", content="x")
    world.pump(until_ms=world.clock.ms)
    assert contents(websocket.posted) == ["x"]


def test_an_upgrade_is_seen_by_nobody(world: World) -> None:
    for one, other in (("alice", "bob"), ("bob", "alice")):
        world.http(rest.put_friend, one, user_id=other)
    bob, client = world.connect("bob"), Poller(world)
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    told = len(world.poster.to(bob, "friend_status_update"))
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    assert websocket.say("5") == ""
    world.wait(30)
    assert len(world.poster.to(bob, "friend_status_update")) == told


REFUSED = [Outcome.UNSENT, Outcome.BUSY, Outcome.THROTTLED]
LONG = [Outcome.UNSENT] * 30  # for longer than a post is tried at once


def upgraded(world: World, refusals: list[Outcome]) -> Client:
    """A websocket that took a session over while its posts were refused; three messages waited."""
    _, websocket = probed(world, 3)
    world.poster.script["w="] = [Outcome.DELIVERED, *refusals]
    assert websocket.say("5") == ""
    return websocket


def test_a_hand_over_whose_posts_are_refused_goes_on_at_once(world: World) -> None:
    websocket = upgraded(world, REFUSED)
    assert contents(websocket.posted) == ["0", "1", "2"]
    assert websocket.act("hello", {})["ok"] is True
    assert not world.poster.closed


def test_a_hand_over_whose_posts_are_refused_for_long_is_finished_by_its_job(world: World) -> None:
    websocket = upgraded(world, LONG)
    assert contents(websocket.posted) == ["0"]
    world.poster.script.clear()
    world.wait(12)
    assert contents(websocket.posted) == ["0", "1", "2"]
    assert websocket.act("hello", {})["ok"] is True
    assert not world.poster.closed


def test_an_answer_that_is_refused_is_posted_again(world: World) -> None:
    client = Client(world, "c=")
    world.pump(until_ms=world.clock.ms)
    client.connect("alice")
    target = _target(world, "c=")
    world.poster.script["c="] = [Outcome.DELIVERED, *REFUSED]
    assert world.services.engine.post(target, ["4one", "4two", "4three"])
    assert client.posted[-3:] == ["4one", "4two", "4three"]
    assert not world.poster.closed


def test_an_answer_that_is_refused_for_long_ends_the_session(world: World) -> None:
    client = Client(world, "c=")
    world.pump(until_ms=world.clock.ms)
    client.connect("alice")
    target, began_ms = _target(world, "c="), world.clock.ms
    world.poster.script["c="] = [Outcome.DELIVERED, *LONG]
    assert not world.services.engine.post(target, ["4one", "4two", "4three"])
    assert 5_000 <= world.clock.ms - began_ms < 6_000
    assert client.posted[-1:] == ["4one"], "none after the one that is missing"
    assert world.poster.closed == ["c="]


def test_a_ping_that_is_refused_is_posted_again(world: World) -> None:
    client = Client(world, "c=")
    world.pump(until_ms=world.clock.ms)
    client.connect("alice")
    world.poster.script["c="] = list(REFUSED)
    world.wait(245)
    assert client.posted[-1:] == ["2"]


def _target(world: World, sid: str) -> Target:
    session = world.sessions.get(ConnectionId(sid))
    assert session is not None
    return session.target
