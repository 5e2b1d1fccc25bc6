"""Compare CPU time per PostToConnection of boto3 and of Tidings' poster.

    python -m workbench.load.post_cost [--posts 2000] [--rounds 3] [--json]

Both post the same bodies to the same fake @connections server, which runs in a child process so
that its CPU is not counted. Rounds alternate, and each side's best round counts, because noise on
a shared machine can only add time. The exit status says whether the ratio holds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from chalicelib.adapters.apigateway.poster import ApiGatewayPoster
from chalicelib.adapters.http.sigv4 import Credentials
from chalicelib.adapters.system import SystemClock
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, Region, UserId

TARGET_RATIO = 1 / 12
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 0\r\n"
    b"Connection: keep-alive\r\nx-amzn-RequestId: 6f4b8a1e-0c5d-4a52-9f3e-2b7d1c9e8a70\r\n"
    b"x-amz-apigw-id: Q1w2E3r4T5y6U7i=\r\n\r\n"
)


class _Gateway(asyncio.Protocol):
    """Answers 200 to every request with a Content-Length."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._transport.write(_ANSWER)


def _serve(pipe: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Gateway, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def _posts(count: int) -> list[Post]:
    body = json.dumps({"type": "message_received", "data": {"content": "x" * 200}}).encode()
    return [
        Post(
            Target(
                ConnectionId(f"L0SM9cOF{number:05d}vHcQ="),
                UserId("u"),
                "api",
                "prod",
                Region("us-east-1"),
                "json",
                0,
            ),
            body,
        )
        for number in range(count)
    ]


def _cpu_ms(work: Callable[[], None], count: int) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000 / count


def measure(port: int, count: int, rounds: int) -> dict[str, float]:
    """Milliseconds of CPU per post of each side, and the ratio."""
    import boto3

    base = f"http://127.0.0.1:{port}"
    client = boto3.client(
        "apigatewaymanagementapi",
        region_name="us-east-1",
        endpoint_url=f"{base}/prod",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
    )
    poster = ApiGatewayPoster(
        "us-east-1", base, lambda: Credentials("AKIDEXAMPLE", "secret"), clock=SystemClock()
    )
    posts = _posts(count)

    def with_boto3() -> None:
        for post in posts:
            client.post_to_connection(ConnectionId=post.target.connection_id, Data=post.data)

    def with_poster() -> None:
        if set(poster.post(posts)) != {Outcome.DELIVERED}:
            raise SystemExit(f"posts failed: {dict(poster.counts)}")

    client.post_to_connection(ConnectionId="warm=", Data=b"x")
    poster.post(posts[:1])
    theirs, ours = [], []
    for _ in range(rounds):
        theirs.append(_cpu_ms(with_boto3, count))
        ours.append(_cpu_ms(with_poster, count))
    poster.stop()
    return {"boto3_ms": min(theirs), "poster_ms": min(ours), "ratio": min(ours) / min(theirs)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="post_cost", description=__doc__)
    parser.add_argument("--posts", type=int, default=2000, help="posts per round and side")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    ours, its = spawn.Pipe()
    server = spawn.Process(target=_serve, args=(its,), daemon=True)
    server.start()
    try:
        result = measure(ours.recv(), arguments.posts, arguments.rounds)
    finally:
        server.terminate()
        server.join()
    if arguments.json:
        print(json.dumps({"posts": arguments.posts, **result}))
    else:
        print(f"boto3  {result['boto3_ms']:.4f} ms CPU per post")
        print(f"poster {result['poster_ms']:.4f} ms CPU per post")
        print(f"ratio  1/{1 / result['ratio']:.1f} (target 1/{1 / TARGET_RATIO:.0f})")
    return 0 if result["ratio"] <= TARGET_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
