"""Recovery: missed entries come in order and once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.support.client_backend import FAST, Backend, Listener, any_token, connected, cut, error
from tidings_client import TidingsClient


async def test_what_comes_with_the_handshake_waits_for_what_was_missed(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        for _ in range(3):
            backend.write()
        backend.greets = True
        await backend.cut()
        await listener.until(lambda: len(listener.contents()) >= 3)
    assert listener.contents() == ["1", "2", "3"]


async def test_each_frame_is_told_as_it_came(backend: Backend) -> None:
    frames: list[tuple[str, dict[str, Any]]] = []

    def on_frame(name: str, data: dict[str, Any]) -> None:
        frames.append((name, data))

    listener = Listener()
    client = TidingsClient(backend.url, any_token, listener, FAST, on_frame, api=None)
    await client.connect()
    try:
        await client.call("join_room", {"room_id": "lobby"})
        backend.write()
        for _ in range(2):
            await backend.push("message_received", backend.log[-1])
        await backend.push("typing", {})
        await listener.until(lambda: "typing" in listener.names())
    finally:
        await client.close()
    assert [name for name, _ in frames] == ["message_received", "message_received", "typing"]
    assert listener.contents() == ["1"]


async def test_what_was_missed_comes_before_what_is_live(backend: Backend) -> None:
    listener = Listener()

    async def overtaken(socket: ServerConnection, data: dict[str, Any]) -> dict[str, Any]:
        conversations = {"lobby": backend.since(data["positions"]["lobby"])}
        backend.write()
        await socket.send(json.dumps({"event": "message_received", "data": backend.log[-1]}))
        return {"event": "ack", "data": {"conversations": conversations}}

    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        for _ in range(7):
            backend.write()
        backend.script["sync"] = [overtaken]
        await backend.cut()
        await listener.until(lambda: len(listener.contents()) >= 8)
    assert listener.contents() == [str(seq) for seq in range(1, 9)]
    report = next(data for name, data in listener.events if name == "recovered")
    assert report == {"conversation_id": "lobby", "recovered": True, "missed": 8}
    assert len(backend.actions("join_room")) == 2, "joined again"


@pytest.mark.parametrize("fault", [cut, error("unavailable", True), error("internal", True)])
async def test_a_recovery_that_fails_is_begun_again(backend: Backend, fault: Any) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        for _ in range(5):
            backend.write()
        backend.script["sync"] = [fault, fault]
        await backend.cut()
        await listener.until(lambda: len(listener.contents()) >= 5)
    assert listener.contents() == ["1", "2", "3", "4", "5"]


async def test_a_recovery_that_is_refused_leaves_the_client_connected(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        backend.script["sync"] = [error("bad_request", False)]
        await backend.cut()
        await listener.until(lambda: "recovered" in listener.names())
        assert (await client.call("send_message", {"content": "on"}))["content"] == "on"
        backend.write()
        await backend.push("message_received", backend.log[-1])
        await listener.until(lambda: listener.contents() == ["2"])
    report = next(data for name, data in listener.events if name == "recovered")
    assert (report["recovered"], report["error"]["code"]) == (False, "bad_request")


async def test_a_hole_between_live_messages_is_asked_for(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        backend.write()
        backend.write()
        await backend.push("message_received", backend.log[1])
        await listener.until(lambda: len(listener.contents()) == 2)
    assert listener.contents() == ["2", "1"]


async def test_a_program_that_starts_again_goes_on_where_it_was(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        backend.write()
        backend.write()
        await backend.push("message_received", backend.log[1])
        await listener.until(lambda: listener.contents() == ["2"])
        kept = client.positions()
    assert kept == {"lobby": ""}, "the client does not have the first message yet"
    again = Listener()
    client = TidingsClient(backend.url, any_token, again, FAST, api=None)
    for room, position in kept.items():
        client.follow(room, position)
    await client.connect()
    try:
        await again.until(lambda: again.contents() == ["1", "2"])
    finally:
        await client.close()
    assert client.positions() == {"lobby": backend.position()}


async def test_a_join_does_not_hide_what_was_missed_before_it(backend: Backend) -> None:
    """The second message is in the log but was not pushed when the room is joined once more."""
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        backend.write()
        await backend.push("message_received", backend.log[-1])
        await listener.until(lambda: listener.contents() == ["1"])
        backend.write()
        await client.call("join_room", {"room_id": "lobby"})
        assert client.positions() == {"lobby": "a:1:m001"}
        await backend.cut()
        await listener.until(lambda: listener.contents() == ["1", "2"])


async def test_several_events_in_one_frame_are_taken_in_order(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        events = [("message_received", backend.write()) for _ in range(3)]
        await backend.push_array(*events, ("typing", {}))
        await listener.until(lambda: "typing" in listener.names())
    assert listener.contents() == ["1", "2", "3"]
