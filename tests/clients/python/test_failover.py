"""The client moves to another region, and recovers there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, Server, ServerConnection, serve
from websockets.datastructures import Headers

from tests.support.client_backend import FAST, Backend, Listener, any_token
from tidings_client import ActionError, TidingsClient

TIMES = replace(FAST, look=5.0)


class Region(Backend):
    """A region with an HTTP API.

    Attributes:
        routes: What `GET /v1/endpoint` answers; None to answer 503.
        asked: How often it was asked.
        opening: Called before each websocket is opened.
    """

    def __init__(self) -> None:
        super().__init__()
        self.routes: Any = None
        self.asked = 0
        self.opening: Callable[[], None] = lambda: None
        self.server: Server

    async def gate(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.path != "/v1/endpoint":
            self.opening()
            return await super().gate(socket, request)
        self.asked += 1
        assert request.headers["Authorization"] == "Bearer t"
        status = 503 if self.routes is None else 200
        body = json.dumps(self.routes).encode()
        return Response(status, "", Headers({"Content-Length": str(len(body))}), body)

    def route(self) -> dict[str, str]:
        return {"region": "r", "url": f"{self.url}/ws", "api": self.url.replace("ws", "http")}

    async def die(self) -> None:
        self.server.close()
        for socket in self.sockets:
            socket.transport.abort()
        await self.server.wait_closed()


@dataclass
class Two:
    """Two regions with one log, of which the first is the better one for the client."""

    first: Region
    second: Region

    def healthy(self, *regions: Region) -> None:
        """All APIs answer that these are healthy."""
        best, *others = [each.route() for each in regions]
        for each in (self.first, self.second):
            each.routes = {**best, "shard": "ws-0", "fallbacks": others}


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    regions = Region(), Region()
    regions[1].log = regions[0].log
    async with AsyncExitStack() as stack:
        for each in regions:
            each.server = await stack.enter_async_context(
                serve(each.serve, "127.0.0.1", 0, process_request=each.gate, compression=None)
            )
            port = next(iter(each.server.sockets)).getsockname()[1]
            each.url = f"ws://127.0.0.1:{port}"
        found = Two(*regions)
        found.healthy(*regions)
        yield found


@asynccontextmanager
async def in_the_first(two: Two, listener: Listener) -> AsyncIterator[TidingsClient]:
    client = TidingsClient(f"{two.first.url}/ws", any_token, listener, TIMES)
    await client.connect()
    try:
        await client.call("join_room", {"room_id": "lobby"})
        await client.call("send_message", {"conversation_id": "lobby", "content": "before"})
        await learned(listener)
        yield client
    finally:
        await client.close()


def moves(listener: Listener) -> list[str]:
    return [data["url"] for name, data in listener.events if name == "moved"]


async def reconnected(listener: Listener) -> None:
    await listener.until(lambda: listener.names().count("connected") == 2)


async def learned(listener: Listener, times: int = 1) -> None:
    """The connection is restored, and the client knows the regions."""
    await listener.until(lambda: listener.names().count("regions") == times)


async def test_a_drained_region_is_left_for_the_one_that_it_names(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener) as client:
        there = two.second.route()["url"]
        data = {"reason": "draining", "after_ms": 30, "endpoint": there}
        two.first.write(content="meanwhile")
        await two.first.push("reconnect", data)
        await reconnected(listener)
        await listener.until(lambda: "meanwhile" in listener.contents())
        await client.call("send_message", {"conversation_id": "lobby", "content": "after"})
    assert moves(listener) == [there]
    [waited] = [data for name, data in listener.events if name == "waiting"]
    assert waited["retry_in_s"] == 0.03
    assert listener.contents() == ["meanwhile"], "once, and from the position that was kept"
    assert two.second.actions("sync")[0] == {"positions": {"lobby": "a:1:m001"}}
    assert [each["content"] for each in two.first.log] == ["before", "meanwhile", "after"]


async def test_a_user_chooses_another_region(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener) as client:
        there = two.second.route()["url"]
        two.second.write(content="meanwhile")
        client.move_to(there)
        await reconnected(listener)
        await listener.until(lambda: "meanwhile" in listener.contents())
        client.move_to(there)
        await client.call("hello", {})
    assert moves(listener) == [there]
    [told] = [data for name, data in listener.events if name == "regions"][:1]
    assert told["names"] == ["r", "r"]
    [waited] = [data for name, data in listener.events if name == "waiting"]
    assert waited["retry_in_s"] == 0


async def test_a_chosen_region_that_does_not_answer_is_left_again(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener) as client:
        here, there = two.first.route()["url"], two.second.route()["url"]
        await two.second.die()
        client.move_to(there)
        await reconnected(listener)
        assert await client.call("hello", {}) == {}
    assert moves(listener) == [there, here]


async def test_a_user_chooses_during_an_attempt_elsewhere(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener) as client:
        there = two.second.route()["url"]
        two.first.opening = lambda: client.move_to(there)
        client.drop()
        await listener.until(lambda: listener.names().count("connected") == 2)
        assert await client.call("hello", {}) == {}
        assert (two.second.actions("hello"), moves(listener)) == ([{}], [there])


async def test_only_a_known_region_can_be_chosen(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener) as client:
        with pytest.raises(ActionError, match="bad_request"):
            client.move_to("ws://127.0.0.1:1/ws")
        assert await client.call("hello", {}) == {}
    assert moves(listener) == []


async def test_a_lost_region_is_left_for_one_that_another_api_names(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener) as client:
        two.healthy(two.second)
        await two.first.die()
        two.second.write(content="meanwhile")
        await reconnected(listener)
        await listener.until(lambda: "meanwhile" in listener.contents())
        assert await client.call("hello", {}) == {}
    assert moves(listener) == [two.second.route()["url"]]
    assert two.second.asked >= 1


async def test_a_region_that_refuses_is_left_although_it_answers(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener):
        two.first.refuse = 503
        two.healthy(two.second)
        await two.first.cut()
        await reconnected(listener)
    assert moves(listener) == [two.second.route()["url"]]
    assert two.first.handshakes == 1 + 2, "two failures"


async def test_without_any_answer_the_regions_that_are_known_are_tried(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener):
        two.first.routes = two.second.routes = None
        await two.first.die()
        await reconnected(listener)
    assert moves(listener) == [two.second.route()["url"]]


async def test_a_named_region_that_takes_nobody_is_given_up(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener):
        two.second.refuse = 503
        there = two.second.route()["url"]
        await two.first.push("reconnect", {"reason": "x", "after_ms": 0, "endpoint": there})
        await reconnected(listener)
    assert moves(listener) == [there, two.first.route()["url"]]


async def test_a_region_that_comes_back_moves_nobody(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener) as client:
        there = two.second.route()["url"]
        await two.first.push("reconnect", {"reason": "x", "after_ms": 0, "endpoint": there})
        await learned(listener, 2)
        await two.second.cut()
        await listener.until(lambda: listener.names().count("connected") == 3)
        assert await client.call("hello", {}) == {}
    assert moves(listener) == [there]


async def test_reconnect_without_an_endpoint_is_obeyed_here(two: Two) -> None:
    listener = Listener()
    async with in_the_first(two, listener):
        await two.first.push("reconnect", {"reason": "slow", "after_ms": 10})
        await reconnected(listener)
    assert moves(listener) == []
    assert two.first.handshakes == 2
