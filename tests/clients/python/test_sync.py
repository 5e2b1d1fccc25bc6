"""The synchronous face: calls that block, events to iterate over, a thread that ends."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.client_backend import FAST, WAIT_S, Backend, error, silence
from tidings_client import ActionError, TidingsClient, Times
from tidings_client.sync import Client


@contextmanager
def open_client(backend: Backend, **options: Any) -> Iterator[Client]:
    given = {"times": FAST, "api": None, **options}
    with Client(backend.url, lambda: "t", **given) as client:
        yield client


async def in_thread(work: Callable[[], Any]) -> Any:
    """Run what blocks, while this loop serves the backend."""
    async with asyncio.timeout(WAIT_S):
        return await asyncio.to_thread(work)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "tidings"]


async def test_messages_are_sent_and_events_iterated_over(backend: Backend) -> None:
    def program() -> list[str]:
        with open_client(backend) as client:
            client.join("lobby")
            assert (client.state, client.reason, client.url) == ("online", None, backend.url)
            assert client.send("lobby", "hello")["content"] == "hello"
            asyncio.run_coroutine_threadsafe(push(), loop).result(WAIT_S)
            received = [d for n, d in client.events(timeout_s=1) if n == "message_received"]
            assert client.positions() == {"lobby": "a:2:m002"}
            return [each["content"] for each in received]

    async def push() -> None:
        await backend.push("message_received", backend.write())

    loop = asyncio.get_running_loop()
    backend.url += "/ws"
    assert await in_thread(program) == ["2"]
    assert threads() == []


async def test_a_lost_connection_is_replaced(backend: Backend) -> None:
    def program() -> list[str]:
        with open_client(backend) as client:
            client.join("lobby")
            backend.write()
            client.drop()
            names = []
            for name, _ in client.events(timeout_s=WAIT_S):
                names.append(name)
                if names.count("recovery") == 2:
                    break
            client.call("hello", {})
            return names

    names = await in_thread(program)
    assert names.index("disconnected") < names.index("message_received")


async def test_a_refused_token_is_raised_and_leaves_no_thread(backend: Backend) -> None:
    backend.refuse = 401

    def program() -> None:
        with open_client(backend):
            raise AssertionError("it is connected")

    with pytest.raises(ActionError) as refused:
        await in_thread(program)
    assert refused.value.code == "unauthorized"
    assert threads() == []


async def test_a_token_provider_that_raises_is_told(backend: Backend) -> None:
    def token() -> str:
        raise LookupError("who?")

    def program() -> None:
        with Client(backend.url, token, times=FAST, api=None):
            pass

    with pytest.raises(LookupError):
        await in_thread(program)


async def test_a_call_ends_in_the_time_that_it_is_given(backend: Backend) -> None:
    backend.script["hello"] = [silence]

    def program() -> None:
        with open_client(backend) as client:
            with pytest.raises(TimeoutError):
                client.call("hello", {}, timeout_s=0.05)
            assert client.call("hello", {}) == {}

    await in_thread(program)


async def test_the_servers_errors_are_raised(backend: Backend) -> None:
    backend.script["send_message"] = [error("permission_denied", False)]

    def program() -> None:
        with open_client(backend) as client:
            with pytest.raises(ActionError, match="permission_denied"):
                client.send("lobby", "x")
            with pytest.raises(ActionError, match="too_large"):
                client.send("lobby", "x" * 200_000)
            with pytest.raises(ActionError, match="bad_request"):
                client.move_to("ws://there/ws")

    await in_thread(program)


async def test_close_ends_calls_and_readers_of_other_threads(backend: Backend) -> None:
    backend.script["hello"] = [silence]
    ends: list[str] = []

    def call(client: Client) -> None:
        try:
            client.call("hello", {})
        except ActionError as error:
            ends.append(error.message)

    def read(client: Client) -> None:
        for _ in client.events():
            pass
        ends.append("read")

    def program() -> None:
        with open_client(backend) as client:
            works = [threading.Thread(target=work, args=[client]) for work in (call, read, read)]
            for work in works:
                work.start()
            asyncio.run_coroutine_threadsafe(asked, loop).result(WAIT_S)
            client.close()
            client.close()
            for work in works:
                work.join(WAIT_S)
            with pytest.raises(RuntimeError, match="the client is closed"):
                client.call("hello", {})
        assert list(client.events()) == []

    loop = asyncio.get_running_loop()
    asked = backend.until(lambda: len(backend.actions("hello")) == 1)
    await in_thread(program)
    assert sorted(ends) == ["read", "read", "the client was closed"]


async def test_events_that_nobody_reads_are_counted_not_kept(backend: Backend) -> None:
    async def push() -> None:
        for _ in range(6):
            await backend.push("typing", {})

    def program() -> list[tuple[str, Any]]:
        with open_client(backend, most_events=3) as client:
            asyncio.run_coroutine_threadsafe(push(), loop).result(WAIT_S)
            client.call("hello", {})  # answered after them
            return list(client.events(timeout_s=0.05))

    loop = asyncio.get_running_loop()
    told = await in_thread(program)
    assert [name for name, _ in told] == ["connected", "recovery", "typing", "overflow"]
    assert told[3] == ("overflow", {"dropped": 5})


def test_it_has_all_calls_of_the_client_for_asyncio() -> None:
    def parameters(owner: type, name: str) -> list[str]:
        known = inspect.signature(getattr(owner, name)).parameters
        return [each for each in known if each != "timeout_s"]

    internal = {"emit", "event", "opened", "restore", "ended"}
    names = {name for name in vars(TidingsClient) if not name.startswith("_")} - internal
    for name in names:
        if isinstance(vars(TidingsClient)[name], property):
            assert isinstance(vars(Client)[name], property), name
        else:
            assert parameters(Client, name) == parameters(TidingsClient, name), name


async def test_connect_says_why_there_is_no_connection(backend: Backend) -> None:
    backend.refuse = 503

    def program() -> None:
        with open_client(backend, times=Times(call=0.2, pause=0.01)):
            pass

    with pytest.raises(ActionError, match="answers 503"):
        await in_thread(program)
