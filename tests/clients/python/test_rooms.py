"""All rooms of a user, and recoveries that never succeed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client_backend import (
    Backend,
    Listener,
    ack,
    connected,
    cut,
    error,
    message,
)
from tidings_client import ActionError


def part(*seqs: int, **more: Any) -> dict[str, Any]:
    """A conversation in an answer to `sync`."""
    messages = [message(seq) for seq in seqs]
    position = messages[-1]["position"] if messages else ""
    return {
        "messages": messages,
        "position": position,
        "recovered": False,
        "more": False,
        **more,
    }


def rooms(after_room: str | None = None, **conversations: Any) -> Any:
    return ack({"conversations": conversations, "after_room": after_room})


def snapshots(listener: Listener) -> list[str]:
    return [data["conversation_id"] for name, data in listener.events if name == "snapshot"]


async def test_all_rooms_begin_with_a_snapshot(backend: Backend) -> None:
    listener = Listener()
    backend.script["sync"] = [rooms("lobby", lobby=part(1, 2)), rooms(garden=part(3))]
    async with connected(backend, listener, follow_all=True) as client:
        await listener.until(lambda: "recovery" in listener.names())
        assert client.positions() == {"lobby": "a:2:m002", "garden": "a:3:m003"}
    assert backend.actions("sync") == [{"positions": {}}, {"positions": {}, "after_room": "lobby"}]
    assert snapshots(listener) == ["lobby", "garden"]
    assert listener.contents() == []


async def test_a_room_that_was_made_while_away_comes_with_its_snapshot(backend: Backend) -> None:
    listener = Listener()
    backend.script["sync"] = [
        rooms(lobby=part(1)),
        rooms(lobby=part(9), new=part(9)),
        rooms(lobby=part(2, recovered=True), new=part(3, 4)),
    ]
    async with connected(backend, listener, follow_all=True) as client:
        await listener.until(lambda: listener.names().count("recovery") == 1)
        await backend.cut()
        await listener.until(lambda: listener.names().count("recovery") == 2)
        assert client.positions() == {"lobby": "a:2:m002", "new": "a:4:m004"}
    asked = backend.actions("sync")[1:]
    positions = {"lobby": "a:1:m001", "new": ""}
    assert asked == [{"positions": {}, "limit": 1}, {"positions": positions}]
    assert (snapshots(listener), listener.contents()) == (["lobby", "new"], ["2"])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("message_received", {**message(4), "conversation_id": "new"}),
        ("room_updated", {"room_id": "new", "change": "member_added", "user_id": "me"}),
    ],
)
async def test_a_room_that_is_named_online_brings_its_snapshot(
    backend: Backend, name: str, data: dict[str, Any]
) -> None:
    listener = Listener()
    backend.script["sync"] = [rooms(lobby=part(1)), rooms(new=part(3, 4))]
    async with connected(backend, listener, follow_all=True) as client:
        await listener.until(lambda: "recovery" in listener.names())
        await backend.push(name, data)
        await listener.until(lambda: "new" in snapshots(listener))
        assert client.positions()["new"] == "a:4:m004"
    assert backend.actions("sync")[1] == {"positions": {"new": ""}}


async def test_a_recovery_that_the_server_always_fails_is_given_up(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.join("lobby")
        backend.write()
        backend.script["sync"] = [error("internal", True)] * 5
        await backend.cut()
        await listener.until(lambda: "recovered" in listener.names())
        assert (await client.send("lobby", "on"))["content"] == "on"
        assert client.positions() == {"lobby": ""}, "the hole stays known"
    report = next(data for name, data in listener.events if name == "recovered")
    assert (report["recovered"], report["error"]["code"]) == (False, "internal")
    assert backend.handshakes == 2


async def test_a_recovery_that_ends_five_connections_is_left_out_on_the_next(
    backend: Backend,
) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.join("lobby")
        backend.script["sync"] = [cut] * 5
        await backend.cut()
        await listener.until(lambda: "recovered" in listener.names())
        assert len(backend.actions("sync")) == 5
        assert (await client.send("lobby", "on"))["content"] == "on"
        await backend.cut()
        await listener.until(lambda: listener.names().count("recovered") == 2)
    reports = [data for name, data in listener.events if name == "recovered"]
    assert "5 connections in a row" in reports[0]["error"]["message"]
    assert reports[1]["recovered"], "and then it is tried again"


async def test_a_join_that_the_server_always_fails_is_left_out_but_not_forgotten(
    backend: Backend,
) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.join("lobby")
        backend.script["join_room"] = [error("internal", True)] * 5
        await backend.cut()
        await backend.until(lambda: len(backend.actions("join_room")) == 6)
        assert await client.call("hello", {}) == {}
        assert backend.handshakes == 2
        await backend.cut()
        await backend.until(lambda: len(backend.actions("join_room")) == 7)


@pytest.mark.parametrize(
    "answer",
    [{"conversations": {"lobby": part(more=True, recovered=True)}}, {"conversations": {}}, {}],
)
async def test_answers_that_lead_nowhere_end_a_sync(
    backend: Backend, answer: dict[str, Any]
) -> None:
    listener = Listener()
    backend.script["sync"] = [ack(answer)]
    async with connected(backend, listener) as client:
        client.follow("lobby", "")
        [report] = await client.sync(["lobby"])
        assert (report["recovered"], report["error"]["code"]) == (False, "internal")
        assert client.positions() == {"lobby": ""}
    assert (len(backend.actions("sync")), backend.handshakes) == (1, 1)


@pytest.mark.parametrize(
    ("code", "kept"), [("internal", {"lobby": "a:1:m001"}), ("permission_denied", {})]
)
async def test_a_conversation_that_cannot_be_read_now_keeps_its_position(
    backend: Backend, code: str, kept: dict[str, str]
) -> None:
    backend.script["sync"] = [rooms(lobby=part(error={"code": code, "message": "no"}))]
    async with connected(backend, Listener()) as client:
        client.follow("lobby", "a:1:m001")
        await client.sync(["lobby"])
        assert client.positions() == kept


async def test_a_sync_of_ones_own_that_fails_hands_on_what_is_live(backend: Backend) -> None:
    listener = Listener()

    async def live_first(socket: Any, data: dict[str, Any]) -> dict[str, Any]:
        await backend.push("message_received", message(2))
        return await error("unavailable", True)(socket, data)

    async with connected(backend, listener) as client:
        client.follow("lobby", "a:1:m001")
        backend.script["sync"] = [live_first, *[error("unavailable", True)] * 4]
        with pytest.raises(ActionError, match="unavailable"):
            await client.sync(["lobby"])
        assert listener.contents() == ["2"]
    assert backend.handshakes == 1
