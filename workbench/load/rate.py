"""Measure messages a second through a local stack: `python -m workbench.load.rate [--rooms 10]`.

Every room has a sender, which sends its next message when the last is acked, and a receiver. The
clients run on the stack's machine, and in its process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import urllib.request
from typing import Any

import jwt
from websockets.asyncio.client import ClientConnection, connect

from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread


async def _room(stack: EmbeddedStack, number: int, until: float) -> tuple[list[float], list[float]]:
    """Seconds to the ack and to the receiver, for each message."""
    sender, receiver = f"sender{number}", f"receiver{number}"
    room = await asyncio.to_thread(_create, stack, sender, receiver)
    acks: list[float] = []
    sent: list[float] = []
    async with _open(stack, sender) as one, _open(stack, receiver) as other:
        listening = asyncio.create_task(_listen(other, sent))
        while time.perf_counter() < until:
            data = {"conversation_id": room, "message_type": "text", "content": len(sent)}
            sent.append(time.perf_counter())
            await one.send(json.dumps({"action": "send_message", "data": data, "id": 1}))
            answer = json.loads(await one.recv())
            if answer["event"] != "ack":
                raise RuntimeError(answer)
            acks.append(time.perf_counter() - sent[-1])
        await one.send(
            json.dumps(
                {
                    "action": "send_message",
                    "data": {"conversation_id": room, "message_type": "end", "content": None},
                    "id": 1,
                }
            )
        )
        return acks, await asyncio.wait_for(listening, 120)


async def _listen(socket: ClientConnection, sent: list[float]) -> list[float]:
    arrivals: list[float] = []
    while True:
        frame: dict[str, Any] = json.loads(await socket.recv())
        if frame["event"] != "message_received":
            continue
        if frame["data"]["message_type"] == "end":
            return arrivals
        arrivals.append(time.perf_counter() - sent[frame["data"]["content"]])


def _open(stack: EmbeddedStack, user: str) -> connect:
    return connect(f"{stack.ws_url}?token={token(stack, user)}", compression=None)


def _create(stack: EmbeddedStack, owner: str, other: str) -> str:
    body = {"room_type": "group_chat", "participants": [other]}
    return str(request(stack, "POST", "/v1/rooms", owner, body)["room_id"])


def request(stack: EmbeddedStack, method: str, path: str, user: str, body: Any = None) -> Any:
    """Send a request and return its JSON answer; raise for an HTTP error."""
    data = json.dumps(body).encode() if body is not None else None
    call = urllib.request.Request(stack.url + path, data, method=method)
    call.add_header("Authorization", f"Bearer {token(stack, user)}")
    call.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(call, timeout=30) as answer:
        return json.loads(answer.read())


def token(stack: EmbeddedStack, user: str) -> str:
    """A token that is valid for an hour."""
    claims = {"sub": user, "exp": int(time.time()) + 3600}
    return jwt.encode(claims, stack.secret, algorithm="HS256")


async def _measure(stack: EmbeddedStack, rooms: int, seconds: float) -> str:
    start = time.perf_counter()
    until = start + seconds
    results = await asyncio.gather(*(_room(stack, number, until) for number in range(rooms)))
    whole = time.perf_counter() - start
    acks = [each for room, _ in results for each in room]
    arrivals = [each for _, room in results for each in room]
    if len(arrivals) != len(acks):
        raise RuntimeError(f"{len(acks)} acked, {len(arrivals)} arrived")
    return (
        f"{rooms} rooms: {len(acks)} messages, {len(acks) / seconds:.0f}/s acked, "
        f"{len(arrivals) / whole:.0f}/s delivered; "
        f"ack {spread(acks)}, receiver {spread(arrivals)}"
    )


def spread(seconds: list[float]) -> str:
    """Format the median and the 99th percentile."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1000:.0f} ms p99 {cuts[98] * 1000:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    with in_thread(EmbeddedStack(port=0)) as stack:
        print(asyncio.run(_measure(stack, options.rooms, options.seconds)))


if __name__ == "__main__":
    main()
