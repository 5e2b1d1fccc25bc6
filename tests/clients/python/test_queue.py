"""Messages that wait: how many, how long, and that every call ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.client_backend import (
    FAST,
    WAIT_S,
    Backend,
    Listener,
    any_token,
    connected,
    error,
    silence,
)
from tidings_client import ActionError, QueueLimits, TidingsClient, Times


async def test_messages_of_a_conversation_are_sent_in_the_order_of_the_calls(
    backend: Backend,
) -> None:
    backend.script["send_message"] = [error("unavailable", True)]
    async with connected(backend, Listener()) as client:
        sent = await asyncio.gather(*(client.send("lobby", str(n)) for n in range(5)))
    assert [each["content"] for each in sent] == ["0", "1", "2", "3", "4"]
    assert [each["content"] for each in backend.log] == ["0", "1", "2", "3", "4"]


async def test_messages_wait_while_there_is_no_connection_and_what_is_refused_says_so(
    backend: Backend,
) -> None:
    listener = Listener()
    queue = QueueLimits(messages=2)
    async with connected(backend, listener, queue=queue) as client:
        backend.refuse = 503
        await backend.cut()
        await listener.until(lambda: "waiting" in listener.names())
        waiting = [asyncio.create_task(client.send("lobby", each)) for each in ("one", "two")]
        await asyncio.sleep(0)
        with pytest.raises(ActionError) as refused:
            await client.send("other", "three")
        assert (refused.value.code, refused.value.retryable) == ("queue_full", True)
        assert "not sent: 2 messages" in refused.value.message
        assert "the limit is 2 messages and 4194304 bytes" in refused.value.message
        backend.refuse = None
        await asyncio.gather(*waiting)
        await client.send("other", "four")
    assert [each["content"] for each in backend.log] == ["one", "two", "four"]


async def test_a_call_that_is_cancelled_leaves_its_place(backend: Backend) -> None:
    backend.script["send_message"] = [silence]
    async with connected(backend, Listener(), queue=QueueLimits(messages=1)) as client:
        sending = asyncio.create_task(client.send("lobby", "one"))
        await backend.until(lambda: len(backend.actions("send_message")) == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await client.send("lobby", "two")


async def test_a_message_is_given_up_in_time(backend: Backend) -> None:
    listener = Listener()
    times = Times(call=WAIT_S, pause=0.01, longest_pause=0.05, keep=0.2)
    async with connected(backend, listener, times=times) as client:
        backend.refuse = 503
        await backend.cut()
        await listener.until(lambda: "waiting" in listener.names())
        with pytest.raises(ActionError) as late:
            await client.send("lobby", "old")
    assert late.value.code == "unavailable"
    assert "answers 503" in late.value.message
    assert backend.log == []


async def test_a_call_without_a_connection_is_given_up_in_time(backend: Backend) -> None:
    listener = Listener()
    times = Times(call=WAIT_S, pause=0.01, longest_pause=0.05, retry=0.2)
    async with connected(backend, listener, times=times) as client:
        backend.refuse = 503
        await backend.cut()
        await listener.until(lambda: "waiting" in listener.names())
        with pytest.raises(ActionError, match="no connection after"):
            await client.call("hello", {})
        with pytest.raises(ActionError, match="not connected"):
            await client.signal("typing_start", {"conversation_id": "lobby"})


async def test_close_ends_what_waits_before_another_attempt(backend: Backend) -> None:
    limited = error("rate_limited", True, retry_after_ms=3_600_000)
    backend.script["hello"] = [limited]
    backend.script["send_message"] = [limited]
    calls: list[asyncio.Task[Any]] = []
    async with connected(backend, Listener()) as client:
        calls += [asyncio.create_task(client.call("hello", {}))]
        calls += [asyncio.create_task(client.send("lobby", each)) for each in ("one", "two")]
        await backend.until(lambda: len(backend.actions("send_message")) == 1)
        await backend.until(lambda: len(backend.actions("hello")) == 1)
    for call in calls:
        with pytest.raises(ActionError):
            async with asyncio.timeout(WAIT_S):
                await call


async def test_the_token_is_in_no_url(backend: Backend) -> None:
    async with connected(backend, Listener()):
        pass
    assert backend.paths == ["/?arrays=true"]
    assert backend.tokens == ["bearer, t"]


@pytest.mark.parametrize("token", ["a b", "a,b", "ü", "", "a\r\nb"])
async def test_what_is_no_jwt_is_not_sent(backend: Backend, token: str) -> None:
    async def give() -> str:
        return token

    client = TidingsClient(backend.url, give, Listener(), FAST, api=None)
    with pytest.raises(ActionError, match="no JWT") as refused:
        await client.connect()
    assert (refused.value.code, backend.handshakes) == ("unauthorized", 0)


async def test_the_state_goes_with_the_connection(backend: Backend) -> None:
    states: list[tuple[str, str]] = []
    client = TidingsClient(
        backend.url,
        any_token,
        lambda name, data: states.append((name, client.state)),
        FAST,
        api=None,
    )
    assert client.state == "idle"
    await client.connect()
    await client.call("hello", {})
    assert client.state == "online"
    backend.script["hello"] = [error("unauthorized", False)]
    await client.call("hello", {})
    await client.close()
    assert client.state == "closed"
    expected = [
        ("connected", "recovering"),
        ("recovery", "recovering"),
        ("disconnected", "connecting"),
        ("waiting", "waiting"),
        ("connected", "recovering"),
    ]
    assert states[:5] == expected
