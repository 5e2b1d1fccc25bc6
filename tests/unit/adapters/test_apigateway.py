"""The post client against a real socket that answers as a test says."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.apigateway.poster import ApiGatewayPoster, parse_answer
from chalicelib.adapters.apigateway.sigv4 import Credentials
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, Region, UserId
from tests.support.world import FakeClock


class Server(socketserver.ThreadingTCPServer):
    """Answers posts by the status in the connection id, e.g. `410-a`; counts sockets."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sockets = 0
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.server.sockets += 1
        while line := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.server.bodies.append(self.rfile.read(length))
            what = line.split(b" ")[1].rsplit(b"/", 1)[1].split(b"-")[0].decode()
            if what == "drop":
                return
            if what == "hang":
                self.rfile.readline()
                return
            self.wfile.write(f"HTTP/1.1 {what} X\r\ncontent-length: 2\r\n\r\n{{}}".encode())
            if what == "503":
                return


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def poster(server: Server, **more: Any) -> ApiGatewayPoster:
    return ApiGatewayPoster(
        "us-east-1",
        server.url,
        lambda: Credentials("a", "b"),
        timeout_s=1.0,
        **{"clock": FakeClock(), **more},
    )


def post(name: str) -> Post:
    target = Target(ConnectionId(name), UserId("u"), "api", "prod", Region("us-east-1"), "json", 0)
    return Post(target, b'{"event":"x"}')


def test_outcomes_come_in_the_order_of_the_posts(server: Server) -> None:
    names = ["200-a", "410-b", "429-c", "413-d", "500-e", "drop-f", "hang-g", "200-h"]
    assert poster(server).post([post(name) for name in names]) == [
        Outcome.DELIVERED,
        Outcome.GONE,
        Outcome.THROTTLED,
        Outcome.TOO_LARGE,
        Outcome.FAILED,
        Outcome.FAILED,
        Outcome.FAILED,
        Outcome.DELIVERED,
    ]


def test_many_429s_at_once_are_the_account_s(server: Server) -> None:
    """Those before the fifth may still be their clients' own."""
    outcomes = poster(server, concurrency=1).post([post(f"429-{n}") for n in range(7)])
    assert outcomes == [Outcome.THROTTLED] * 4 + [Outcome.BUSY] * 3


@pytest.mark.parametrize(
    "names",
    [
        ["429-one"] * 20,
        [*(f"200-{n}" for n in range(21)), *(f"429-{n}" for n in range(20))],
    ],
    ids=["one client's", "fewer than half"],
)
def test_other_429s_are_of_clients_that_read_slowly(server: Server, names: list[str]) -> None:
    outcomes = poster(server, concurrency=1).post([post(name) for name in names])
    assert Outcome.BUSY not in outcomes


def test_what_was_refused_a_second_ago_says_nothing_now(server: Server) -> None:
    clock = FakeClock()
    client = poster(server, concurrency=1, clock=clock)
    assert Outcome.BUSY not in client.post([post(f"429-{n}") for n in range(4)])
    clock.ms += 1_000
    assert client.post([post("429-4")]) == [Outcome.THROTTLED]


def test_sockets_are_kept_and_bounded(server: Server) -> None:
    client = poster(server, concurrency=4)
    for _ in range(5):
        assert set(client.post([post("200-a")] * 40)) == {Outcome.DELIVERED}
    assert server.sockets <= 4
    assert len(server.bodies) == 200


def test_a_socket_the_server_has_closed_is_replaced(server: Server) -> None:
    client = poster(server, concurrency=1)
    assert client.post([post("503-a")]) == [Outcome.FAILED]
    assert client.post([post("200-a")]) == [Outcome.DELIVERED]


def test_what_the_budget_refuses_is_not_sent(server: Server) -> None:
    grants = iter([2, 1])
    client = poster(server, budget=lambda wanted: next(grants, 0))
    outcomes = client.post([post("200-a")] * 5)
    assert outcomes == [Outcome.DELIVERED] * 3 + [Outcome.UNSENT] * 2
    assert len(server.bodies) == 3


def test_without_the_cache_the_budget_is_a_slower_pace(server: Server) -> None:
    def away(wanted: int) -> int:
        raise CacheDown("away")

    outcomes = poster(server, budget=away).post([post("200-a")] * 25)
    assert set(outcomes) == {Outcome.DELIVERED}


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", (200, True)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", None),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, True)),
        (b"HTTP/1.1 410 Gone\r\nConnection: close\r\ncontent-length: 0\r\n\r\n", (410, False)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", (200, True)),
        (b"HTTP/1.1 200", None),
    ],
)
def test_answers_are_parsed_whole_or_not_yet(data: bytes, answer: object) -> None:
    assert parse_answer(data) == answer
