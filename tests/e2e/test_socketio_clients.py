"""Stock Socket.IO clients against the whole stack, beside JSON clients."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import socketio

from chalicelib.sessions.missed import MOST_MISSED
from tests.support.node import NodeClient
from tests.support.people import WAIT_S, Device, People, name
from tests.support.stacks import Stack

pytestmark = pytest.mark.timeout(180)
MODES: dict[str, dict[str, Any]] = {
    "websocket": {"transports": ["websocket"]},
    "polling": {"transports": ["polling"]},
    "upgrade": {},
}
Open = Callable[..., NodeClient]


@pytest.fixture
def node(stack: Stack, people: People) -> Iterator[Open]:
    """Open a client of a user."""
    clients: list[NodeClient] = []

    def open_(user: str, namespace: str = "", url: str = "", **options: Any) -> NodeClient:
        auth = {"token": people.token(user)}
        clients.append(NodeClient(url or stack.url, namespace, **{"auth": auth, **options}))
        return clients[-1]

    yield open_
    for client in clients:
        client.close()


def message(room: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"conversation_id": room, "message_type": "text", "content": content, **more}


@pytest.mark.parametrize("mode", MODES)
def test_a_node_client_with_nothing_but_the_url(people: People, node: Open, mode: str) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    client, json_client = node(alice, **MODES[mode]), people.device(bob)
    first = client.wait("connect")
    assert not first.get("recovered")
    if mode == "upgrade" and first["transport"] == "polling":
        assert client.wait("upgrade")["transport"] == "websocket"
    assert client.act("hello")["user_id"] == alice
    ack = client.act("send_message", message(room, "from node", client_message_id="c1"))
    assert client.act("send_message", message(room, "from node", client_message_id="c1")) == ack
    assert [m["content"] for m in json_client.heard(room, 1)] == ["from node"]
    json_client.say(room, "from json")
    [got] = client.heard(1)
    assert (got["content"], got["sender_id"]) == ("from json", bob)
    refused = client.ask("send_message", {"conversation_id": room})
    assert (refused["ok"], refused["error"]["code"]) == (False, "bad_request")


def test_the_bare_stage(people: People, stack: Stack, node: Open) -> None:
    client = node(name("alice"), path="/prod", addTrailingSlash=False, transports=["websocket"])
    client.wait("connect")
    assert client.act("hello")["region"] == stack.region


@pytest.mark.one_emulator
@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
def test_without_a_slash_at_the_end(
    people: People, stack: Stack, node: Open, transports: list[str]
) -> None:
    client = node(name("alice"), addTrailingSlash=False, transports=transports)
    client.wait("connect")
    assert client.act("hello")["region"] == stack.region


@pytest.mark.one_emulator
def test_the_bare_stage_has_websockets_only(people: People, stack: Stack, node: Open) -> None:
    """As on AWS; a client that tries all its transports finds the one that works."""
    options = {"path": "/prod", "addTrailingSlash": False, "tryAllTransports": True}
    assert node(name("alice"), **options).wait("connect")["transport"] == "websocket"


@pytest.mark.one_emulator
def test_a_client_without_a_token_is_told(people: People, node: Open) -> None:
    told = node(name("eve"), auth={}, transports=["websocket"]).wait("connect_error")
    assert told["data"]["code"] == "unauthorized"
    assert node(name("eve"), "/random").wait("connect_error")["message"] == "Invalid namespace"


def test_namespaces(people: People, node: Open) -> None:
    alice, bob = name("alice"), name("bob")
    for one, other in ((alice, bob), (bob, alice)):
        assert people.http("PUT", f"/v1/friends/{other}", None, people.token(one))[0] == 200
    moments, notes = node(bob, "/moments"), node(bob, "/notifications")
    moments.wait("connect"), notes.wait("connect")
    assert people.http("POST", "/v1/moments", {"content": "m"}, people.token(alice))[0] == 201
    service = people.token(name("mailer"), roles=["service"])
    body = {"user_id": bob, "content": "n"}
    assert people.http("POST", "/v1/notifications", body, service)[0] == 201
    moments.wait("message", lambda told: told["name"] == "moment_posted")
    notes.wait("message", lambda told: told["name"] == "notification")
    assert notes.messages("moment_posted") == []
    assert moments.messages("notification") == []


@pytest.mark.parametrize("mode", ["polling", "base64"])
def test_binary_content(people: People, node: Open, mode: str) -> None:
    alice = name("alice")
    room = people.room(alice)
    options = MODES["polling"] if mode == "polling" else {**MODES["websocket"], "forceBase64": True}
    client = node(alice, **options)
    client.wait("connect")
    data = bytes(range(256)) * 20
    client.act("send_message", message(room, None), base64=base64.b64encode(data).decode())
    _, page = people.http("GET", f"/v1/rooms/{room}/messages", None, people.token(alice))
    assert base64.b64decode(page["messages"][0]["content"]["$binary"]) == data


@pytest.mark.one_emulator
def test_retries_make_exactly_one_message_each(people: People, node: Open) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    listener = people.device(bob)
    client = node(alice, transports=["websocket"], retries=5, ackTimeout=400)
    client.wait("connect")
    for number in range(20):
        client.emit("send_message", message(room, number, client_message_id=f"c{number}"))
        if number % 5 == 3:
            client.cut()
    assert [m["content"] for m in listener.heard(room, 20)] == list(range(20))


def test_it_comes_back_after_its_transport_is_cut(people: People, node: Open) -> None:
    """A stock client recovers: the same socket, and what it missed, in every mode."""
    alice, bob = name("alice"), name("bob")
    room, sender = people.room(alice, bob), people.device(bob)
    for mode in MODES.values():
        client = node(alice, **mode, reconnectionDelay=500, reconnectionDelayMax=500)
        first = client.wait("connect")
        assert first["recovered"] is False
        sender.say(room, "before")
        client.heard(1)
        client.cut()
        client.wait("disconnect")
        sender.say(room, "missed")
        assert client.wait("connect", lambda told: told["recovered"])["id"] == first["id"]
        sender.say(room, "after")
        assert [m["content"] for m in client.heard(3)] == ["before", "missed", "after"]
        assert client.act("hello")["user_id"] == alice


@pytest.mark.parametrize("event", [False, True], ids=["no event", "an event"])
@pytest.mark.services
@pytest.mark.one_emulator
def test_it_comes_back_after_redis_was_emptied(
    people: People, stack: Stack, node: Open, event: bool
) -> None:
    """Also if it has never been sent a message, so that the session's own event is all it has."""
    alice, bob = name("alice"), name("bob")
    room, sender = people.room(alice, bob), people.device(bob)
    client = node(alice, **MODES["websocket"], reconnectionDelay=500, reconnectionDelayMax=500)
    first = client.wait("connect")
    if event:
        sender.say(room, "before")
        client.heard(1)
    client.cut()
    client.wait("disconnect")
    redis.Redis.from_url(stack.redis_url).flushall()
    sender.say(room, "missed")
    assert client.wait("connect", lambda told: told["recovered"])["id"] == first["id"]
    sender.say(room, "after")
    want = [*(["before"] if event else []), "missed", "after"]
    assert [m["content"] for m in client.heard(len(want))] == want


def send_in_time(sender: Device, body: dict[str, object]) -> None:
    """Send a message; when the member's share of the room's rate is used up, wait as told."""
    while True:
        answer = sender.answer(sender.send("send_message", **body))
        if answer["event"] == "ack":
            return
        assert answer["data"]["code"] == "rate_limited"
        time.sleep(answer["data"]["retry_after_ms"] / 1000)


@pytest.mark.extended
@pytest.mark.embedded("500 messages through processes take minutes")
@pytest.mark.timeout(300)
def test_who_cannot_be_told_what_he_missed_is_told_so(people: People, node: Open) -> None:
    """More than can be replayed: a new session, `recovered` is false, and `sync` has the rest."""
    alice, bob = name("alice"), name("bob")
    room, sender = people.room(alice, bob), people.device(bob)
    client = node(alice, **MODES["websocket"], reconnection=False)
    first = client.wait("connect")
    client.cut()
    client.wait("disconnect")
    for number in range(MOST_MISSED + 1):
        send_in_time(sender, message(room, number))
    client.reconnect()
    back = client.wait("connect", lambda told: told["id"] != first["id"])
    assert back["recovered"] is False
    assert client.messages() == []
    [synced] = client.act("sync", {"positions": {}, "limit": 10})["conversations"].values()
    assert (synced["recovered"], len(synced["messages"])) == (False, 10)


def on_websocket(client: NodeClient) -> bool:
    client.peek()
    return any(
        told["event"] == "upgrade"
        or (told["event"] == "connect" and told["transport"] == "websocket")
        for told in client.told
    )


# Below a member's share of the room's rate, 62 messages a second.
PACE_S = 0.02


@pytest.mark.parametrize("recovery", [False, True], ids=["plain", "recovering"])
@pytest.mark.one_emulator
def test_an_upgrade_while_messages_flow(people: People, node: Open, recovery: bool) -> None:
    """From its first event on a client gets everything once and in order, whatever carries it."""
    alice, bob = name("alice"), name("bob")
    room, sender = people.room(alice, bob), people.device(bob)
    sent = 0
    for _ in range(3):
        client = node(alice, auth={"token": people.token(alice), "recovery": recovery})
        deadline = time.monotonic() + WAIT_S
        while not on_websocket(client) and time.monotonic() < deadline:
            sent += 1
            sender.say(room, sent)
            time.sleep(PACE_S)
        assert on_websocket(client)
        client.act("hello")
        sent += 1
        sender.say(room, sent)
        client.wait("message", lambda told, last=sent: last in content(told))
        client.act("hello")
        got = [each["content"] for each in client.messages()]
        assert got.count(sent) == 1
        # A push is at least once, but to who recovers: both ids may be told at the very moment.
        once = got if recovery else list(dict.fromkeys(got))
        assert once == list(range(got[0], sent + 1))
        client.disconnect()


def content(told: dict[str, Any]) -> list[Any]:
    return [told["args"][0]["content"]] if told["name"] == "message_received" else []


@pytest.mark.parametrize(
    "transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="-".join
)
@pytest.mark.one_emulator
def test_a_python_client(people: People, stack: Stack, transports: list[str]) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    listener = people.device(bob)
    with socketio.SimpleClient() as client:
        auth = {"token": people.token(alice)}
        client.connect(stack.url, auth=auth, transports=transports, wait_timeout=30)
        answer = client.call("send_message", message(room, "from python"), timeout=30)
        assert answer["ok"] is True
        assert listener.heard(room, 1)[0]["content"] == "from python"
        listener.say(room, "from json")
        while (got := client.receive(timeout=WAIT_S))[0] != "message_received":
            pass
        assert got[1]["content"] == "from json"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.one_emulator
def test_the_sender_is_told_whom_a_message_reached(
    people: People, stack: Stack, node: Open, mode: str
) -> None:
    """By acks of a JavaScript and of a Python client, and by a JSON client's action."""
    alice, bob, carol, dave = name("alice"), name("bob"), name("carol"), name("dave")
    room = people.room(alice, bob, carol, dave)
    sender, bob_s = node(alice, **MODES[mode]), node(bob, **MODES[mode], confirm=True)
    sender.wait("connect"), bob_s.wait("connect")
    dave_s = people.device(dave)
    with socketio.SimpleClient() as carol_s:
        transports = MODES[mode].get("transports", ["polling", "websocket"])
        auth = {"token": people.token(carol)}
        carol_s.connect(stack.url, auth=auth, transports=transports, wait_timeout=30)
        sent = sender.act("send_message", message(room, "x", delivery_receipt=True))
        which = {"conversation_id": room, "message_id": sent["message_id"]}
        dave_s.wait("message_received", lambda got: got["delivery_receipt"] is True)
        dave_s.act("message_delivered", **which)
        for user in (bob, carol, dave):
            delivered = {**which, "user_id": user}
            sender.wait(
                "message",
                lambda told, delivered=delivered: (
                    told["name"] == "message_delivered"
                    and delivered.items() <= told["args"][0].items()
                ),
            )


@pytest.mark.one_emulator
def test_receipts_come_for_what_a_client_missed_and_spoil_no_recovery(
    people: People, node: Open
) -> None:
    alice, bob = name("alice"), name("bob")
    room, sender = people.room(alice, bob), people.device(alice)
    options = {"reconnectionDelay": 500, "reconnectionDelayMax": 500, "confirm": True}
    client = node(bob, **MODES["websocket"], **options)
    client.wait("connect")

    def say(content: Any) -> Callable[[dict[str, Any]], bool]:
        message_id = sender.say(room, content, delivery_receipt=True)["message_id"]
        return lambda got: bool(got["message_id"] == message_id)

    for number in range(3):
        sender.wait("message_delivered", say(number))
        client.told[:] = [told for told in client.told if told["event"] == "message"]
        client.cut()
        client.wait("disconnect")
        missed = say(f"{number} missed")
        assert client.wait("connect")["recovered"] is True
        sender.wait("message_delivered", missed)
    want = [text for number in range(3) for text in (number, f"{number} missed")]
    assert [got["content"] for got in client.heard(6)] == want


@pytest.fixture
def python() -> Iterator[Callable[[str], socketio.SimpleClient]]:
    with contextlib.ExitStack() as clients:
        yield lambda transport: clients.enter_context(socketio.SimpleClient())


@pytest.mark.one_emulator
def test_everybody_in_one_room_sees_the_same_in_the_same_order(
    people: People, stack: Stack, node: Open, python: Callable[[str], socketio.SimpleClient]
) -> None:
    """JavaScript clients of all kinds, Python clients on two users' other devices, JSON."""
    users = {mode: name(mode) for mode in MODES}
    owner = name("owner")
    room = people.room(owner, *users.values())
    json_client = people.device(owner)
    clients = {mode: node(user, **MODES[mode]) for mode, user in users.items()}
    for client in clients.values():
        client.wait("connect")
    listeners = {}
    for transport in ("websocket", "polling"):
        listener = python(transport)
        auth = {"token": people.token(users[transport])}
        listener.connect(stack.url, auth=auth, transports=[transport], wait_timeout=30)
        listeners[transport] = listener
    for number in range(8):
        for mode, client in clients.items():
            client.act("send_message", message(room, f"{mode} {number}"))
        json_client.say(room, f"json {number}")
    _, page = people.http("GET", f"/v1/rooms/{room}/messages?limit=100", None, people.token(owner))
    history = [each["content"] for each in page["messages"]]
    assert len(history) == 32
    for mode, client in clients.items():
        theirs = [text for text in history if not text.startswith(mode)]
        assert [got["content"] for got in client.heard(len(theirs))] == theirs, mode
    for transport, listener in listeners.items():
        got = []
        while len(got) < len(history):  # all: it is another device of one who sends
            event, *arguments = listener.receive(timeout=WAIT_S)
            got += [arguments[0]["content"]] if event == "message_received" else []
        assert got == history, transport
    theirs = [text for text in history if not text.startswith("json")]
    assert [got["content"] for got in json_client.heard(room, len(theirs))] == theirs
