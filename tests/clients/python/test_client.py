"""The client against a server that breaks connections, refuses, is silent and repeats itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, Server, ServerConnection, serve
from websockets.datastructures import Headers

from tidings_client import ActionError, TidingsClient, Times

WAIT_S = 20.0
FAST = Times(call=WAIT_S, hole=0.05, pause=0.01, longest_pause=0.05)


def message(seq: int, content: str = "") -> dict[str, Any]:
    return {
        "conversation_id": "lobby",
        "message_id": f"m{seq:03d}",
        "content": content or str(seq),
        "position": f"a:{seq}:m{seq:03d}",
        "is_deleted": False,
    }


class Backend:
    """A room's log behind a socket; `script` answers the next calls of an action itself.

    Attributes:
        refuse: HTTP status for the next handshakes, None to let them in.
        greets: Whether the newest entry is pushed as soon as a socket opens.
        calls: (action, data) of every call.
    """

    def __init__(self) -> None:
        self.log: list[dict[str, Any]] = []
        self.acked: dict[str, dict[str, Any]] = {}
        self.refuse: int | None = None
        self.greets = False
        self.handshakes = 0
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.script: dict[str, list[Callable[[ServerConnection, dict[str, Any]], Any]]] = {}
        self.sockets: list[ServerConnection] = []
        self.changed = asyncio.Condition()
        self.url = ""

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S), self.changed:
            await self.changed.wait_for(holds)

    def actions(self, action: str) -> list[dict[str, Any]]:
        return [data for name, data in self.calls if name == action]

    def write(self, *, client_message_id: str = "", content: str = "") -> dict[str, Any]:
        if client_message_id in self.acked:
            return self.acked[client_message_id]
        self.log.append(message(len(self.log) + 1, content))
        if client_message_id:
            self.acked[client_message_id] = self.log[-1]
        return self.log[-1]

    async def push(self, name: str, data: dict[str, Any]) -> None:
        await self.sockets[-1].send(json.dumps({"event": name, "data": data}))

    async def cut(self) -> None:
        """The connection breaks, as the network would break it."""
        self.sockets[-1].transport.abort()

    async def gate(self, socket: ServerConnection, request: Request) -> Response | None:
        self.handshakes += 1
        if self.refuse is not None:
            return Response(self.refuse, "no", Headers())
        return None

    async def serve(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        if self.greets:
            await self.push("message_received", self.log[-1])
        async for text in socket:
            frame = json.loads(text)
            action, data = frame["action"], frame["data"]
            scripted = self.script.get(action)
            if scripted:
                answer = await scripted.pop(0)(socket, data)
            else:
                answer = {"event": "ack", "data": self.answer(action, data)}
            async with self.changed:
                self.calls.append((action, data))
                self.changed.notify_all()
            if answer is not None:
                await socket.send(json.dumps({**answer, "id": frame["id"]}))

    def answer(self, action: str, data: dict[str, Any]) -> dict[str, Any]:
        if action == "send_message":
            return self.write(client_message_id=data["client_message_id"], content=data["content"])
        if action == "join_room":
            return {"room_id": data["room_id"], "position": self.position()}
        if action == "sync":
            return {
                "conversations": {room: self.since(at) for room, at in data["positions"].items()}
            }
        return {}

    def position(self) -> str:
        return str(self.log[-1]["position"]) if self.log else ""

    def since(self, position: str) -> dict[str, Any]:
        seq = int(position.split(":")[1]) if position else 0
        missed = self.log[seq : seq + 3]
        reached = str(missed[-1]["position"]) if missed else position
        more = len(self.log) > seq + 3
        return {"messages": missed, "position": reached, "recovered": True, "more": more}


def error(code: str, retryable: bool) -> Callable[..., Any]:
    async def answer(socket: ServerConnection, data: dict[str, Any]) -> dict[str, Any]:
        return {"event": "error", "data": {"code": code, "message": code, "retryable": retryable}}

    return answer


async def cut(socket: ServerConnection, data: dict[str, Any]) -> None:
    socket.transport.abort()


async def silence(socket: ServerConnection, data: dict[str, Any]) -> None:
    return None


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend()
    server: Server
    async with serve(
        backend.serve, "127.0.0.1", 0, process_request=backend.gate, compression=None
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        backend.url = f"ws://127.0.0.1:{port}"
        yield backend


class Listener:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.changed = asyncio.Event()

    def __call__(self, name: str, data: dict[str, Any]) -> None:
        self.events.append((name, data))
        self.changed.set()

    def contents(self) -> list[str]:
        return [data["content"] for name, data in self.events if name == "message_received"]

    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not holds():
                self.changed.clear()
                await self.changed.wait()


async def any_token() -> str:
    return "t"


@asynccontextmanager
async def connected(
    backend: Backend, listener: Listener, token: Any = any_token, times: Times = FAST
) -> AsyncIterator[TidingsClient]:
    client = TidingsClient(backend.url, token, listener, times)
    await client.connect()
    try:
        yield client
    finally:
        await client.close()


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


async def test_a_dropped_connection_is_lost_and_replaced(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        client.drop()
        await listener.until(lambda: listener.names().count("connected") == 2)
        assert await client.call("hello", {}) == {}
    assert listener.names().count("disconnected") == 1


async def test_each_frame_is_told_as_it_came(backend: Backend) -> None:
    frames: list[tuple[str, dict[str, Any]]] = []

    def on_frame(name: str, data: dict[str, Any]) -> None:
        frames.append((name, data))

    listener = Listener()
    client = TidingsClient(backend.url, any_token, listener, FAST, on_frame=on_frame)
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


async def test_a_hole_between_live_messages_is_asked_for(backend: Backend) -> None:
    listener = Listener()
    async with connected(backend, listener) as client:
        await client.call("join_room", {"room_id": "lobby"})
        backend.write()
        backend.write()
        await backend.push("message_received", backend.log[1])
        await listener.until(lambda: len(listener.contents()) == 2)
    assert listener.contents() == ["2", "1"]


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

    client = TidingsClient(backend.url, any_token, broken, FAST)
    await client.connect()
    try:
        assert await client.call("hello", {}) == {}
    finally:
        await client.close()
    assert isinstance(told[0]["exception"], ValueError)
