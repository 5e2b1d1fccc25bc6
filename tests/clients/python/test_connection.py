"""Connections: tokens, rejections, heartbeats, reconnection."""

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
    cut,
    error,
    silence,
)
from tidings_client import ActionError, TidingsClient, Times


async def test_a_dropped_connection_is_lost_and_replaced(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        client.drop()
        await listener.until(lambda: listener.names().count("connected") == 2)
        assert await client.call("hello", {}) == {}
    assert listener.names().count("disconnected") == 1


async def test_a_token_provider_that_raises_is_asked_again(backend: Backend) -> None:
    listener = Listener()
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        if asked in (2, 3):
            raise RuntimeError("the token service is down")
        return "t"

    async with connected(backend, listener, token) as client:
        await backend.cut()
        await listener.until(lambda: listener.names().count("connected") == 2)
        assert await client.call("hello", {}) == {}
    assert asked == 4


async def test_an_expiring_token_is_replaced_on_the_open_connection(backend: Backend) -> None:
    tokens = iter(["first", "second"])

    async def token() -> str:
        return next(tokens)

    async with connected(backend, Listener(), token):
        await backend.push("token_expiring", {"expires_at": "soon"})
        await backend.until(lambda: backend.actions("refresh_token") == [{"token": "second"}])
    assert backend.handshakes == 1


async def test_a_token_provider_that_raises_at_first_is_told(backend: Backend) -> None:
    async def token() -> str:
        raise LookupError("who?")

    with pytest.raises(LookupError):
        async with connected(backend, Listener(), token):
            pass
    assert backend.handshakes == 0


async def test_a_refused_token_is_the_end(backend: Backend) -> None:
    backend.refuse = 401
    with pytest.raises(ActionError) as refused:
        async with connected(backend, Listener()):
            pass
    assert refused.value.code == "unauthorized"
    assert backend.handshakes == 1


async def test_a_token_refused_later_is_told_and_ends_every_call(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        backend.script["hello"] = [silence]
        waiting = asyncio.create_task(client.call("hello", {}))
        await backend.until(lambda: len(backend.actions("hello")) == 1)
        backend.refuse = 403
        await backend.cut()
        await listener.until(lambda: "refused" in listener.names())
        with pytest.raises(ActionError):
            await waiting
        with pytest.raises(ActionError):
            await client.call("hello", {})
        assert backend.handshakes == 2


async def test_a_server_that_is_away_for_a_while_is_found_again(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        backend.refuse = 503
        await backend.cut()
        async with asyncio.timeout(WAIT_S):
            while backend.handshakes < 4:
                await asyncio.sleep(0)
        backend.refuse = None
        assert await client.call("hello", {}) == {}


async def test_close_leaves_no_task_behind(backend: Backend) -> None:
    before = asyncio.all_tasks()
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
    mine = {
        task for task in asyncio.all_tasks() - before if "TidingsClient" in repr(task.get_coro())
    }
    assert mine == set()
    assert "disconnected" not in listener.names()


async def test_a_listener_that_raises_ends_nothing(backend: Backend) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    def broken(name: str, data: dict[str, Any]) -> None:
        raise ValueError(name)

    client = TidingsClient(backend.url, any_token, broken, FAST, api=None)
    await client.connect()
    try:
        assert await client.call("hello", {}) == {}
    finally:
        await client.close()
    assert isinstance(told[0]["exception"], ValueError)


@pytest.mark.parametrize("url", ["here/ws", "", "ftp://here/ws", "ws://", "ws://here:99999/ws"])
async def test_a_url_that_is_none_is_told(url: str) -> None:
    client = TidingsClient(url, any_token, Listener(), FAST, api=None)
    with pytest.raises(ActionError) as refused:
        await client.connect()
    assert (refused.value.code, refused.value.retryable) == ("bad_request", False)
    assert "is not the URL of a websocket" in refused.value.message
    assert client.reason == {"code": "bad_request", "message": refused.value.message}


async def test_an_http_url_is_taken_as_that_of_a_websocket(backend: Backend) -> None:
    backend.url = backend.url.replace("ws", "http", 1) + "/ws?a=b"
    async with connected(backend, Listener()) as client:
        assert await client.call("hello", {}) == {}


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (400, "bad_request")])
async def test_an_address_that_answers_something_else_is_told(
    backend: Backend, status: int, code: str
) -> None:
    backend.refuse = status
    with pytest.raises(ActionError) as refused:
        async with connected(backend, Listener()):
            pass
    assert refused.value.code == code
    assert f"answers {status}" in refused.value.message
    assert backend.handshakes == 1


async def test_no_connection_in_time_says_why(backend: Backend) -> None:
    backend.refuse = 503
    listener = Listener()
    with pytest.raises(ActionError) as refused:
        async with connected(backend, listener, times=Times(call=0.2, pause=0.01)):
            pass
    assert (refused.value.code, refused.value.retryable) == ("unavailable", True)
    assert "answers 503" in refused.value.message
    waiting = [data for name, data in listener.events if name == "waiting"]
    assert "answers 503" in waiting[0]["reason"]["message"]


async def test_nothing_listening_says_so() -> None:
    client = TidingsClient("ws://127.0.0.1:9/ws", any_token, Listener(), Times(call=0.2), api=None)
    with pytest.raises(ActionError) as refused:
        await client.connect()
    assert "no connection to ws://127.0.0.1:9/ws" in refused.value.message


async def test_a_token_provider_that_never_answers_says_so(backend: Backend) -> None:
    async def token() -> str:
        return await asyncio.get_running_loop().create_future()

    with pytest.raises(ActionError) as refused:
        async with connected(backend, Listener(), token, Times(call=0.05, pause=0.01)):
            pass
    assert refused.value.retryable


async def test_a_lost_connection_and_a_failing_token_provider_say_why(backend: Backend) -> None:
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise RuntimeError("the token service is down")
        return "t"

    listener = Listener()
    async with connected(backend, listener, token):
        await backend.sockets[-1].close(1001, "going away")
        await listener.until(lambda: listener.names().count("connected") == 2)
    told = [data["reason"] for name, data in listener.events if "reason" in data]
    assert "close code 1001, going away" in told[0]["message"]
    assert any("token() failed: the token service is down" in each["message"] for each in told)


async def test_backoff_starts_anew_only_after_an_ack(backend: Backend) -> None:
    listener = Listener()

    def attempts() -> list[int]:
        return [data["attempt"] for name, data in listener.events if name == "waiting"]

    async with connected(backend, listener) as client:
        for count in (2, 3, 4):
            await backend.cut()
            await listener.until(lambda: listener.names().count("connected") == count)  # noqa: B023
        assert attempts() == [1, 2, 3], "an open connection alone does not reset the backoff"
        await client.call("hello", {})
        await backend.cut()
        await listener.until(lambda: len(attempts()) == 4)
    assert attempts()[-1] == 1


async def test_a_recovery_that_ends_connections_does_not_start_backoff_anew(
    backend: Backend,
) -> None:
    listener = Listener()

    async def first_page_only(socket: Any, data: dict[str, Any]) -> dict[str, Any]:
        conversations = {"lobby": backend.since(data["positions"]["lobby"])}
        return {"event": "ack", "data": {"conversations": conversations}}

    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        for _ in range(12):
            backend.write()
        backend.script["sync"] = [first_page_only, cut, first_page_only, cut]
        await backend.cut()
        await listener.until(lambda: len(listener.contents()) == 12)
    waits = [data["attempt"] for name, data in listener.events if name == "waiting"]
    assert waits == [1, 2, 3]


QUICK = Times(call=WAIT_S, ping=0.01, pause=0.01, longest_pause=0.05)


async def test_a_heartbeat_that_is_refused_is_no_answer(backend: Backend) -> None:
    listener = Listener()
    refusals = ["unavailable", "rate_limited", "internal", "internal"]
    backend.script["ping"] = [error(code, True) for code in refusals]
    async with connected(backend, listener, times=QUICK):
        await listener.until(lambda: "disconnected" in listener.names())
        assert backend.script["ping"] == []
    reason = next(data["reason"] for name, data in listener.events if name == "disconnected")
    assert "the heartbeat had no answer" in reason["message"]


async def test_a_heartbeat_without_an_answer_ends_the_connection(backend: Backend) -> None:
    listener = Listener()
    backend.script["ping"] = [silence]
    async with connected(backend, listener, times=Times(call=0.2, ping=0.01, pause=0.01)):
        await listener.until(lambda: "disconnected" in listener.names())


@pytest.mark.parametrize("action", ["ping", "hello"])
async def test_a_refusal_that_does_not_know_the_connection_ends_it_at_once(
    backend: Backend, action: str
) -> None:
    listener = Listener()
    backend.script[action] = [error("unauthorized", False)]
    async with connected(backend, listener, times=QUICK) as client:
        await client.call("hello", {})
        await listener.until(lambda: listener.names().count("connected") == 2)
    reason = next(data["reason"] for name, data in listener.events if name == "disconnected")
    assert reason["code"] == "unauthorized"


async def test_a_fresh_token_that_is_refused_leaves_the_connection_alone(
    backend: Backend,
) -> None:
    backend.script["refresh_token"] = [error("unauthorized", False)]
    async with connected(backend, Listener()) as client:
        await backend.push("token_expiring", {"expires_at": "soon"})
        await backend.until(lambda: len(backend.actions("refresh_token")) == 1)
        await client.call("hello", {})
    assert backend.handshakes == 1


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"event": "message_received", "data": 1}'])
async def test_a_frame_that_is_none_ends_nothing(backend: Backend, text: str) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    async with connected(backend, Listener()) as client:
        await backend.sockets[-1].send(text)
        assert await client.call("hello", {}) == {}
    assert backend.handshakes == 1
    assert len(told) == ("message_received" in text), "a bad event is reported"


async def test_after_close_a_call_fails_at_once(backend: Backend) -> None:
    async with connected(backend, Listener()) as client:
        backend.script["hello"] = [silence]
        waiting = asyncio.create_task(client.call("hello", {}))
        await backend.until(lambda: len(backend.actions("hello")) == 1)
    for call in (waiting, client.call("hello", {})):
        with pytest.raises(ActionError) as closed:
            await call
        assert closed.value.message == "the client was closed"
