"""Stock JavaScript clients at the edges: leaving and coming back, binary in an upgrade, a crowd."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.node import NodeClient
from tests.support.people import People, name
from tests.support.stacks import Stack

pytestmark = [pytest.mark.timeout(180), pytest.mark.one_emulator]
Open = Callable[..., NodeClient]


@pytest.fixture
def node(stack: Stack, people: People) -> Iterator[Open]:
    """Open a client of a user."""
    clients: list[NodeClient] = []

    def open_(user: str, **options: Any) -> NodeClient:
        auth = {"token": people.token(user)}
        clients.append(NodeClient(stack.url, **{"auth": auth, **options}))
        return clients[-1]

    yield open_
    for client in clients:
        client.close()


def message(room: str, content: Any = None) -> dict[str, Any]:
    return {"conversation_id": room, "message_type": "text", "content": content}


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]], ids=lambda names: names[0])
def test_it_leaves_and_comes_back_over_the_same_transport(
    people: People, node: Open, transports: list[str]
) -> None:
    alice, bob = name("alice"), name("bob")
    room, sender = people.room(alice, bob), people.device(bob)
    client = node(alice, transports=transports)
    first = client.wait("connect")
    client.beside("/moments")  # or the client would close the transport
    client.wait("beside")
    for number in range(2):
        client.told.clear()
        client.disconnect()
        assert client.wait("disconnect")["reason"] == "io client disconnect"
        sender.say(room, f"missed {number}")
        client.reconnect()
        back = client.wait("connect")
        assert (back["recovered"], back["id"]) == (True, first["id"])
        sender.say(room, f"live {number}")
        # What was on its way when the client left is sent again, with the same message id.
        client.wait("message", lambda told, n=number: f"live {n}" in str(told["args"]))
        heard = {m["message_id"]: m["content"] for m in client.messages()}
        assert list(heard.values()) == [f"missed {number}", f"live {number}"]
        assert client.act("hello")["user_id"] == alice
        assert [t for t in client.told if t["event"] == "disconnect"][1:] == []


def test_binary_events_through_an_upgrade_are_all_answered(people: People, node: Open) -> None:
    """Heads go by POST, and attachments over the websocket that takes over meanwhile."""
    alice = name("alice")
    room = people.room(alice)
    data = base64.b64encode(bytes(range(256)) * 8).decode()
    for _ in range(5):
        client = node(alice, forceBase64=True)
        client.wait("connect")
        client.burst("send_message", message(room), base64=data, count=20, gap_ms=7)
        for number in range(20):
            told = client.wait("burst", lambda told, id=str(number): told["id"] == id)
            [answer] = told["answer"]
            assert answer["ok"] or answer["error"]["retryable"], answer
        assert client.act("hello")["user_id"] == alice
        assert [told for told in client.told if told["event"] == "disconnect"] == []


@pytest.mark.embedded  # functions of an emulator need seconds for what takes AWS milliseconds
def test_a_hundred_polling_clients_connect_beside_websockets(people: People, node: Open) -> None:
    polling = {"transports": ["polling"]}
    first, device = node(name("alice"), **polling), people.device(name("bob"))
    first.wait("connect")
    tokens = [people.token(name("someone")) for _ in range(100)]
    first.crowd([{**polling, "auth": {"token": token}} for token in tokens])
    first.wait("crowd", lambda told: told["connected"] == 100)
    assert first.act("hello")
    number = device.send("hello")
    assert device.answer(number)["event"] == "ack"
