"""API Gateway cuts idle connections and old ones; stock Socket.IO clients come back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.node import NodeClient
from tests.support.own_process import stack
from tests.support.people import WAIT_S, People, name

IDLE_S, LIFE_S = 3.0, 20.0


@pytest.fixture
def port() -> Iterator[int]:
    """A stack with short limits."""
    with stack(f"limits=Limits(idle_s={IDLE_S}, connection_s={LIFE_S})") as port:
        yield port


@pytest.mark.timeout(240)
@pytest.mark.parametrize("cut", ["idle", pytest.param("old", marks=pytest.mark.extended)])
def test_a_stock_client_comes_back(port: int, cut: str) -> None:
    with People(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws") as people:
        alice = name("alice")
        room = people.room(alice)
        options = {"transports": ["websocket"], "reconnectionDelay": 50}
        client = NodeClient(people.url, "", auth={"token": people.token(alice)}, **options)
        try:
            first = client.wait("connect")
            deadline = time.monotonic() + WAIT_S
            while cut == "old" and not any(t["event"] == "disconnect" for t in client.told):
                client.emit("hello")  # not idle; without an ack, as the cut may take one with it
                client.peek()
                assert time.monotonic() < deadline
                time.sleep(0.2)
            assert client.wait("disconnect")["reason"] == "transport close"
            back = client.wait("connect", lambda told: told["recovered"])
            assert back["id"] == first["id"]
            body = {"conversation_id": room, "message_type": "text", "content": "back"}
            assert client.act("send_message", body)["conversation_id"] == room
        finally:
            client.close()
