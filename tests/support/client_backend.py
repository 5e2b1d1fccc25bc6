"""A server that breaks connections, rejects, stays silent or repeats itself; and a listener."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Request, Response, ServerConnection
from websockets.datastructures import Headers

from tidings_client import TidingsClient, Times

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
    """A room's log behind a websocket; `script` answers the next calls of an action instead.

    Attributes:
        refuse: HTTP status for the next handshakes; None to accept them.
        greets: Whether the newest entry is pushed as soon as a websocket opens.
        calls: (action, data) of every call.
        paths: What each handshake asked for.
        tokens: The subprotocols that each handshake offered.
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
        self.tokens: list[str | None] = []
        self.paths: list[str] = []
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

    async def push_array(self, *events: tuple[str, dict[str, Any]]) -> None:
        """Several events in one frame."""
        frames = [{"event": name, "data": data} for name, data in events]
        await self.sockets[-1].send(json.dumps(frames))

    async def cut(self) -> None:
        """Break the connection, as a network does."""
        self.sockets[-1].transport.abort()

    async def gate(self, socket: ServerConnection, request: Request) -> Response | None:
        self.handshakes += 1
        self.paths.append(request.path)
        self.tokens.append(request.headers.get("Sec-WebSocket-Protocol"))
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


def error(code: str, retryable: bool, **more: Any) -> Callable[..., Any]:
    fields = {"code": code, "message": code, "retryable": retryable, **more}

    async def answer(socket: ServerConnection, data: dict[str, Any]) -> dict[str, Any]:
        return {"event": "error", "data": fields}

    return answer


def ack(data: dict[str, Any]) -> Callable[..., Any]:
    async def answer(socket: ServerConnection, asked: dict[str, Any]) -> dict[str, Any]:
        return {"event": "ack", "data": data}

    return answer


async def cut(socket: ServerConnection, data: dict[str, Any]) -> None:
    socket.transport.abort()


def close(code: int) -> Callable[..., Any]:
    """Close the connection with this code; 1006 breaks it."""

    async def end(socket: ServerConnection, data: dict[str, Any]) -> None:
        if code == 1006:
            socket.transport.abort()
        else:
            await socket.close(code)

    return end


async def silence(socket: ServerConnection, data: dict[str, Any]) -> None:
    return None


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

    async def until(self, holds: Callable[[], bool], within_s: float = WAIT_S) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                self.changed.clear()
                await self.changed.wait()


async def any_token() -> str:
    return "t"


@asynccontextmanager
async def connected(
    backend: Backend,
    listener: Listener,
    token: Any = any_token,
    times: Times = FAST,
    **options: Any,
) -> AsyncIterator[TidingsClient]:
    client = TidingsClient(backend.url, token, listener, times, api=None, **options)
    await client.connect()
    try:
        yield client
    finally:
        await client.close()
