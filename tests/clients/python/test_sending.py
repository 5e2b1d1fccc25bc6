"""Sending: acks, resends, and sends that are given up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.support.client_backend import Backend, Listener, connected, cut, error, silence
from tidings_client import ActionError, Times
from tidings_client.sizes import FRAME_BYTES, encode


async def test_a_message_whose_ack_was_lost_is_sent_again_as_the_same(backend: Backend) -> None:
    listener = Listener()

    async def lost(socket: ServerConnection, data: dict[str, Any]) -> None:
        backend.answer("send_message", data)
        socket.transport.abort()

    async with connected(backend, listener) as client:
        backend.script["send_message"] = [lost, cut]
        ack = await client.call("send_message", {"content": "once", "conversation_id": "lobby"})
    assert ack["message_id"] == "m001"
    assert len(backend.log) == 1
    assert len({data["client_message_id"] for data in backend.actions("send_message")}) == 1


async def test_no_answer_ends_in_an_error_and_leaves_no_call_behind(backend: Backend) -> None:
    times = Times(call=0.1, pause=0.01)
    async with connected(backend, Listener(), times=times) as client:
        backend.script["hello"] = [silence] * 5
        with pytest.raises(ActionError) as refused:
            await client.call("hello", {})
        assert (refused.value.code, refused.value.retryable) == ("unavailable", True)
        assert await client.call("hello", {}) == {}


async def test_an_error_that_no_retry_mends_is_raised_at_once(backend: Backend) -> None:
    async with connected(backend, Listener()) as client:
        backend.script["hello"] = [error("permission_denied", False)]
        with pytest.raises(ActionError):
            await client.call("hello", {})
        assert len(backend.actions("hello")) == 1


async def test_what_no_message_can_carry_is_refused_before_it_is_sent(backend: Backend) -> None:
    async with connected(backend, Listener()) as client:
        body = {"conversation_id": "lobby", "content": "ж" * 66_000}
        with pytest.raises(ActionError) as refused:
            await client.call("send_message", body)
        assert (refused.value.code, refused.value.retryable) == ("too_large", False)
        assert "131072" in refused.value.message
        assert (await client.call("send_message", {"content": "short"}))["content"] == "short"
    assert backend.handshakes == 1
    assert len(backend.actions("send_message")) == 1


@pytest.mark.parametrize("unit", ["x", "ж", "😀", "\ud800"])
async def test_what_is_over_a_frame_goes_in_several(backend: Backend, unit: str) -> None:
    content = unit * (64_000 // len(unit.encode("utf-8", "surrogatepass")))
    if unit == "\ud800":  # only as an escape of six bytes
        content = unit * 10_000
    async with connected(backend, Listener()) as client:
        ack = await client.call("send_message", {"content": content})
    assert ack["content"] == content
    assert all(len(each.encode()) <= FRAME_BYTES for each in encode("send_message", ack, 1))


async def test_a_message_that_ends_every_connection_takes_none_along(backend: Backend) -> None:
    async def unless_good(socket: ServerConnection, data: dict[str, Any]) -> Any:
        if data["content"] == "bad":
            socket.transport.abort()
            return None
        return {"event": "ack", "data": backend.answer("send_message", data)}

    backend.script["send_message"] = [unless_good] * 20
    async with connected(backend, Listener()) as client:
        calls = [client.call("send_message", {"content": each}) for each in ("bad", "good")]
        bad, good = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(bad, ActionError)
    assert (bad.code, bad.retryable) == ("unavailable", True)
    assert isinstance(good, dict), good
    assert good["content"] == "good"
