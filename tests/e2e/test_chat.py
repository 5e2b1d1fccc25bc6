"""People chat through the strict gateway, ministack and Valkey, over real websockets."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.support.people import Device, People, name
from tests.support.stacks import Stack


def test_two_users_with_two_devices_each(people: People) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    phone, laptop = people.device(alice), people.device(alice)
    bobs = [people.device(bob), people.device(bob)]
    hello = phone.act("hello")
    assert (hello["user_id"], hello["region"]) == (alice, "us-east-1")
    for device in (phone, laptop, *bobs):
        device.act("join_room", room_id=room)
    phone.wait("user_joined", lambda data: data["user_id"] == bob)
    acks = [phone.say(room, f"message {n}") for n in range(5)]
    for device in (laptop, *bobs):
        got = device.heard(room, 5)
        assert [m["content"] for m in got] == [f"message {n}" for n in range(5)]
        assert [m["message_id"] for m in got] == [ack["message_id"] for ack in acks]
    bobs[0].say(room, "answer", reply_to_message_id=acks[0]["message_id"])
    assert phone.heard(room, 1)[0]["reply_to_message_id"] == acks[0]["message_id"]
    bobs[1].heard(room, 6)
    bobs[0].act("typing_start", conversation_id=room)
    phone.wait("typing", lambda data: data["user_id"] == bob and data["is_typing"])
    phone.wait("typing", lambda data: data["user_id"] == bob and not data["is_typing"])
    phone.act("delete_message", conversation_id=room, message_id=acks[1]["message_id"])
    bobs[0].wait("message_deleted", lambda data: data["message_id"] == acks[1]["message_id"])
    path = f"/v1/rooms/{room}/messages?limit=50"
    status, history = people.http("GET", path, token=people.token(bob))
    assert status == 200
    assert [m["is_deleted"] for m in history["messages"]] == [False, True] + [False] * 4
    for device in bobs:
        device.close()
    phone.wait("user_left", lambda data: data["user_id"] == bob)


def test_reconnect_with_recovery(people: People) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    speaker, listener = people.device(alice), people.device(bob)
    position = speaker.say(room, "seen")["position"]
    assert listener.heard(room, 1)[0]["position"] == position
    listener.close()
    for n in range(30):
        speaker.say(room, f"missed {n}")
    back = people.device(bob)
    missed: list[str] = []
    more = True
    while more:
        answer = back.act("sync", positions={room: position}, limit=12)["conversations"][room]
        assert answer["recovered"] is True
        missed += [message["content"] for message in answer["messages"]]
        position, more = answer["position"], answer["more"]
    assert missed == [f"missed {n}" for n in range(30)]


@pytest.mark.one_emulator
def test_racing_frames_give_one_order_and_no_hole(people: People) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    speaker, listener = people.device(alice), people.device(bob)
    body = {"conversation_id": room, "message_type": "text"}
    sent = [speaker.send("send_message", content=n, **body) for n in range(20)]
    acks = [speaker.answer(number) for number in sent]
    assert {ack["event"] for ack in acks} == {"ack"}
    seqs = sorted(int(ack["data"]["position"].split(":")[1]) for ack in acks)
    assert seqs == list(range(1, 21))
    heard = [message["message_id"] for message in listener.heard(room, 20)]
    _, history = people.http("GET", f"/v1/rooms/{room}/messages", token=people.token(bob))
    assert heard == [message["message_id"] for message in history["messages"]]


@pytest.mark.one_emulator
def test_the_same_resend_racing_itself_is_one_message(people: People) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    devices = [people.device(alice) for _ in range(2)]
    listener = people.device(bob)
    body = {"conversation_id": room, "message_type": "text", "content": "one"}
    speakers = [device for device in devices for _ in range(2)]
    sent = [d.send("send_message", client_message_id="same", **body) for d in speakers]
    acks = [d.answer(number)["data"] for d, number in zip(speakers, sent, strict=True)]
    assert len({ack["message_id"] for ack in acks}) == 1
    devices[0].say(room, "last")
    assert [m["content"] for m in listener.heard(room, 2)] == ["one", "last"]


@pytest.mark.one_emulator
def test_fifty_users_in_a_room(people: People) -> None:
    users = [name("user") for _ in range(50)]
    room = people.room(users[0], *users[1:])
    with ThreadPoolExecutor(10) as pool:
        devices = list(pool.map(people.device, users))
        list(pool.map(lambda d: d.say(room, "hi"), devices[:20]))
        heard = list(pool.map(lambda d: d.heard(room, 19 if d in devices[:20] else 20), devices))
    orders = [[m["message_id"] for m in messages] for messages in heard]
    full = orders[-1]
    assert len(full) == 20
    assert all(order == [each for each in full if each in order] for order in orders)


@pytest.mark.services
@pytest.mark.one_emulator
def test_without_redis_in_mid_traffic(people: People, stack: Stack) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    speaker, listener = people.device(alice), people.device(bob)
    for n in range(3):
        speaker.say(room, f"before {n}")
    redis.Redis.from_url(stack.redis_url).flushall()
    for n in range(3):
        speaker.say(room, f"after {n}")
    contents = [message["content"] for message in listener.heard(room, 6)]
    assert contents == [f"before {n}" for n in range(3)] + [f"after {n}" for n in range(3)]


def test_who_may_connect(people: People) -> None:
    token = people.token(name("carol"))
    header = {"Authorization": f"Bearer {token}"}
    device = Device(people.ws_url, additional_headers=header)
    assert device.act("hello")
    device.close()
    with connect(people.ws_url, subprotocols=["bearer", token]) as by_protocol:  # type: ignore[list-item]
        assert by_protocol.subprotocol == "bearer"
    expired = people.token(name("carol"), expires_in_s=-3600)
    for url in (people.ws_url, f"{people.ws_url}?token=x.y.z", f"{people.ws_url}?token={expired}"):
        with pytest.raises(InvalidStatus) as refused, connect(url):
            pass
        assert refused.value.response.status_code == 401


def test_http_answers_strangers_with_coded_errors(people: People) -> None:
    alice, bob, eve = name("alice"), name("bob"), name("eve")
    room = people.room(alice, bob)
    cases = [
        ("GET", "/v1/rooms", None, "", 401, "unauthorized"),
        ("GET", f"/v1/rooms/{room}", None, eve, 403, "permission_denied"),
        ("GET", f"/v1/rooms/{room}/messages", None, eve, 403, "permission_denied"),
        ("POST", f"/v1/rooms/{room}/members", {"user_id": eve}, eve, 403, "permission_denied"),
        ("POST", f"/v1/rooms/{room}/members", {"user_id": eve}, bob, 403, "permission_denied"),
        ("DELETE", f"/v1/rooms/{room}/members/{bob}", None, eve, 403, "permission_denied"),
        ("DELETE", f"/v1/rooms/{room}/members/{alice}", None, bob, 403, "permission_denied"),
        ("GET", "/v1/rooms/nowhere", None, alice, 403, "permission_denied"),
        ("POST", "/v1/rooms", {"room_type": "nonsense"}, alice, 400, "bad_request"),
        ("POST", "/v1/rooms", b"{", alice, 400, "bad_request"),
        ("GET", f"/v1/rooms/{room}/messages?limit=0", None, alice, 400, "bad_request"),
        ("GET", f"/v1/rooms/{room}/messages?before=%00", None, alice, 400, "bad_request"),
    ]
    for method, path, body, user, status, code in cases:
        got = people.http(method, path, body, people.token(user) if user else "")
        assert (got[0], got[1]["error"]["code"]) == (status, code), (method, path, got)


def test_only_the_description_of_the_api_may_be_kept(people: People) -> None:
    with urllib.request.urlopen(f"{people.url}/v1/openapi.json", timeout=20) as first:
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "public, max-age=300"
    again = urllib.request.Request(f"{people.url}/v1/openapi.json", headers={"If-None-Match": tag})
    with pytest.raises(urllib.error.HTTPError) as unchanged:
        urllib.request.urlopen(again, timeout=20)
    with unchanged.value as answer:
        assert (answer.status, answer.read(), answer.headers["ETag"]) == (304, b"", tag)
    with urllib.request.urlopen(f"{people.url}/v1/health", timeout=20) as health:
        assert health.headers["Cache-Control"] == "no-store"
    token = people.token(name("alice"))
    mine = urllib.request.Request(
        f"{people.url}/v1/rooms", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(mine, timeout=20) as rooms:
        assert rooms.headers["Cache-Control"] == "no-store"


ACTIONS = [
    "hello",
    "send_message",
    "delete_message",
    "join_room",
    "leave_room",
    "typing_start",
    "typing_stop",
    "sync",
    "ping",
    "nonsense",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["conversation_id", "room_id", "message_id", "content", "positions", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(action=st.sampled_from(ACTIONS) | st.text(max_size=10), data=JSON)
@pytest.mark.one_emulator
def test_bad_input_gets_a_coded_error_and_the_connection_lives(
    people: People, action: str, data: object
) -> None:
    device = _shared_device(people)
    device.socket.send(json.dumps({"action": action, "data": data, "id": "fuzz"}))
    answer = device.answer("fuzz")
    assert answer["event"] in ("ack", "error")
    if answer["event"] == "error":
        assert set(answer["data"]) - {"retry_after_ms"} == {"code", "message", "retryable"}
        assert answer["data"]["code"] != "internal", (action, data)
        assert "Traceback" not in answer["data"]["message"]


_devices: dict[int, Device] = {}


def _shared_device(people: People) -> Device:
    """One device for all examples of a test: an error must not end its connection."""
    if id(people) not in _devices:
        _devices[id(people)] = people.device(name("fuzz"))
    return _devices[id(people)]


@pytest.mark.parametrize(
    "frame", ["not json", "[]", "1", '{"action":1}', '{"action":"ping","data":NaN}', "[" * 20_000]
)
@pytest.mark.one_emulator
def test_a_frame_that_is_none_is_answered(people: People, frame: str) -> None:
    device = people.device(name("dora"))
    device.socket.send(frame)
    assert device.answer(None)["data"]["code"] == "bad_request"
    assert device.act("ping")


@pytest.mark.parametrize(("data", "code"), [("x" * 33_000, 1009), (b"binary", 1003)])
def test_what_api_gateway_closes_for(people: People, data: str | bytes, code: int) -> None:
    device = people.device(name("erin"))
    device.socket.send(data)
    with pytest.raises(ConnectionClosed) as closed:
        device.socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


def test_friends_over_http(people: People) -> None:
    alice, bob = f"{name('al')}@example.org", name("bob|x")
    path = {user: f"/v1/friends/{quote(user, safe='')}" for user in (alice, bob)}
    for user, other in ((alice, bob), (bob, alice)):
        status, _ = people.http("PUT", path[other], token=people.token(user))
        assert status == 200
    status, listed = people.http("GET", "/v1/friends", token=people.token(alice))
    assert (status, [f["user_id"] for f in listed["friends"]]) == (200, [bob])
    assert listed["friends"][0]["status"] == "friends"
    assert people.http("DELETE", path[alice], token=people.token(bob))[0] == 200
    _, listed = people.http("GET", "/v1/friends", token=people.token(alice))
    assert listed["friends"][0]["status"] == "requested"


def test_a_token_is_renewed_on_the_open_connection(people: People) -> None:
    user = name("tom")
    device = Device(f"{people.ws_url}?token={people.token(user, expires_in_s=2)}")
    fresh = people.token(user)
    assert (
        device.act("refresh_token", token=fresh)["expires_at"] == device.act("hello")["expires_at"]
    )
    device.close()
