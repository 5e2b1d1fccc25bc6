"""Measure messages a second through a local stack: `python -m workbench.load.rate`.

Every room has a sender and receivers. A sender sends its next message when the last is acked, or at
a rate of its own (`--per-s`). The clients run on the stack's machine, in a process of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import statistics
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
from websockets.asyncio.client import ClientConnection, connect

from operate.probes import answers
from workbench.stack.children import Child, free_port

_LATE_S = 120


class Stack(Protocol):
    """What its clients must know of a stack."""

    @property
    def url(self) -> str: ...
    @property
    def ws_url(self) -> str: ...
    @property
    def secret(self) -> str: ...


@dataclass(frozen=True)
class Served:
    """A stack in a process of its own."""

    url: str
    secret: str

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws"


@dataclass
class Times:
    """Of the messages of a room, in seconds: until each ack, and until each receiver has it."""

    acks: list[float]
    arrivals: list[float]


async def _room(stack: Stack, name: str, receivers: int, until: float, per_s: float) -> Times:
    sender, *others = (f"{name}-{number}" for number in range(receivers + 1))
    room = await asyncio.to_thread(_create, stack, sender, others)
    sockets = [await _open(stack, user) for user in others]
    sent: list[float] = []
    acks: list[float] = []
    async with _open(stack, sender) as one:
        listening = [asyncio.create_task(_listen(each, sent)) for each in sockets]
        begun = time.perf_counter()
        while time.perf_counter() < until:
            sent.append(time.perf_counter())
            await _send(one, room, "text", len(sent) - 1)
            acks.append(time.perf_counter() - sent[-1])
            if per_s:
                await asyncio.sleep(begun + len(sent) / per_s - time.perf_counter())
        await _send(one, room, "end", None)
        arrivals = await asyncio.wait_for(asyncio.gather(*listening), _LATE_S)
    for socket in sockets:
        await socket.close()
    return Times(acks, [each for one in arrivals for each in one])


async def _send(socket: ClientConnection, room: str, kind: str, content: Any) -> None:
    """Send a message and wait for its ack, past the events that come meanwhile."""
    data = {"conversation_id": room, "message_type": kind, "content": content}
    await socket.send(json.dumps({"action": "send_message", "data": data, "id": 1}))
    while (answer := json.loads(await socket.recv()))["event"] != "ack":
        if answer["event"] == "error":
            raise RuntimeError(answer)


async def _listen(socket: ClientConnection, sent: list[float]) -> list[float]:
    arrivals: list[float] = []
    while True:
        frame: dict[str, Any] = json.loads(await socket.recv())
        if frame["event"] != "message_received":
            continue
        if frame["data"]["message_type"] == "end":
            return arrivals
        arrivals.append(time.perf_counter() - sent[frame["data"]["content"]])


def _open(stack: Stack, user: str) -> connect:
    return connect(f"{stack.ws_url}?token={token(stack, user)}", compression=None)


def _create(stack: Stack, owner: str, others: Sequence[str]) -> str:
    body = {"room_type": "group_chat", "participants": others}
    return str(request(stack, "POST", "/v1/rooms", owner, body)["room_id"])


def request(stack: Stack, method: str, path: str, user: str, body: Any = None) -> Any:
    """Send a request and return its JSON answer; raise for an HTTP error."""
    data = json.dumps(body).encode() if body is not None else None
    call = urllib.request.Request(stack.url + path, data, method=method)
    call.add_header("Authorization", f"Bearer {token(stack, user)}")
    call.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(call, timeout=30) as answer:
        return json.loads(answer.read())


def token(stack: Stack, user: str) -> str:
    """A token that is valid for an hour."""
    claims = {"sub": user, "exp": int(time.time()) + 3600}
    return jwt.encode(claims, stack.secret, algorithm="HS256")


async def _measure(
    stack: Stack, name: str, rooms: int, receivers: int, seconds: float, per_s: float
) -> str:
    start = time.perf_counter()
    results = await asyncio.gather(
        *(_room(stack, f"{name}{n}", receivers, start + seconds, per_s) for n in range(rooms))
    )
    whole = time.perf_counter() - start
    acks = [each for room in results for each in room.acks]
    arrivals = [each for room in results for each in room.arrivals]
    if len(arrivals) != len(acks) * receivers:
        raise RuntimeError(f"{len(acks)} acked, {len(arrivals)} arrived")
    return (
        f"{rooms} rooms of {receivers + 1}: {len(acks)} messages, {len(acks) / seconds:.0f}/s "
        f"acked, {len(arrivals) / whole:.0f}/s delivered; "
        f"ack {spread(acks)}, receiver {spread(arrivals)}"
    )


def spread(seconds: list[float]) -> str:
    """Format the median and the 99th percentile."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1000:.0f} ms p99 {cuts[98] * 1000:.0f} ms"


def _serve(stores: str, secret: str) -> tuple[Child, Served]:
    port = free_port()
    served = Served(f"http://127.0.0.1:{port}", secret)
    command = [sys.executable, "-m", "workbench.cli.main", "up", "--no-reload"]
    command += ["--port", str(port), "--stores", stores]
    # A room's only sender may use all of its rate.
    env = {"TIDINGS_HOME": "home", "TIDINGS_JWT_SECRET": secret, "TIDINGS_ROOM_SHARE": "1"}
    return Child("stack", command, lambda: answers(f"{served.url}/v1/health"), env), served


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=10)
    parser.add_argument("--receivers", type=int, default=1, help="in each room")
    parser.add_argument("--per-s", type=float, default=0, help="messages of each sender")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--stores", choices=("emulator", "memory"), default="emulator")
    options = parser.parse_args()
    child, stack = _serve(options.stores, secrets.token_hex(32))
    try:
        asyncio.run(_measure(stack, "warm", 1, 1, 1, 50))
        of = (options.rooms, options.receivers, options.seconds, options.per_s)
        print(asyncio.run(_measure(stack, "user", *of)))
    finally:
        child.stop()


if __name__ == "__main__":
    main()
