"""What a Redis costs that hangs, stalls, or closes sockets in the middle of their use."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.sessions import RedisSessions
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.connections import Connection, Target
from chalicelib.model.identifiers import ConnectionId, Region, UserId
from chalicelib.model.sessions import PacketPart
from tests.support.valkey import cluster, frozen, valkey
from tests.support.world import CountingIds

ALL = [("GET", f"k{number}") for number in range(20)]  # on all nodes


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(100)
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"


def refused(client: RedisClient) -> bool:
    try:
        client.run(*ALL)
    except CacheDown:
        return True
    return False


def seconds_of_ten_threads(client: RedisClient) -> float:
    """Until all of them know that it is away."""
    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        assert all(pool.map(lambda _: refused(client), range(10)))
    return time.monotonic() - began


@pytest.fixture(scope="module")
def of_cluster() -> Iterator[tuple[str, list[Any]]]:
    with cluster() as found:
        yield found


@pytest.fixture(scope="module")
def single() -> Iterator[tuple[str, list[Any]]]:
    with valkey() as server:
        yield server.url, [server.client]


@pytest.fixture(params=["single", "of_cluster"])
def served(request: pytest.FixtureRequest) -> tuple[RedisClient, list[Any]]:
    url, nodes = request.getfixturevalue(request.param)
    return RedisClient(url, request.param == "of_cluster"), nodes


@pytest.mark.parametrize("is_cluster", [True, False])
def test_ten_threads_at_a_server_that_hangs_wait_together(is_cluster: bool) -> None:
    with silent() as url:
        client = RedisClient(url, is_cluster)
        assert seconds_of_ten_threads(client) < 2, "one time-out, not one after another"


class Ahead:
    """A monotonic clock that can be put forward."""

    def __init__(self) -> None:
        self.by_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.by_s


class Closing:
    """A server that closes the socket after each request, done but not answered.

    Attributes:
        hangs_s: How long that takes by the clock; None when it answers.
    """

    def __init__(self, clock: Ahead) -> None:
        self.requests = 0
        self.hangs_s: float | None = 0.0
        self._clock = clock
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}?protocol=2"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            with taken:
                while data := taken.recv(65_536):
                    if b"CLIENT" in data:  # how a socket begins
                        taken.sendall(b"+OK\r\n" * data.count(b"*"))
                    elif self.hangs_s is None:
                        taken.sendall(b"$-1\r\n" * data.count(b"GET"))
                    else:
                        self.requests += 1
                        self._clock.by_s += self.hangs_s
                        break


@pytest.fixture
def clock() -> Ahead:
    return Ahead()


@pytest.fixture
def closing(clock: Ahead) -> Iterator[Closing]:
    server = Closing(clock)
    try:
        yield server
    finally:
        server.close()


def pause_s(client: RedisClient, clock: Ahead) -> int:
    """How long no call is let through, to the second; the one that then is fails."""
    for seconds in range(60):
        trips = client.round_trips
        assert refused(client)
        if client.round_trips > trips:
            return seconds
        clock.by_s += 1
    raise AssertionError("never let through")


def test_the_pause_doubles_while_it_hangs_and_not_when_it_refuses(
    clock: Ahead, closing: Closing
) -> None:
    client = RedisClient(closing.url, False, clock)
    assert refused(client)
    assert [pause_s(client, clock) for _ in range(3)] == [1, 1, 1]
    closing.hangs_s = 0.5
    assert [pause_s(client, clock) for _ in range(8)] == [1, 1, 2, 4, 8, 16, 30, 30]


def test_an_answer_ends_the_long_pauses(clock: Ahead, closing: Closing) -> None:
    client = RedisClient(closing.url, False, clock)
    closing.hangs_s = 0.5
    assert refused(client)
    assert [pause_s(client, clock) for _ in range(3)] == [1, 2, 4]
    assert client.away
    closing.hangs_s, clock.by_s = None, clock.by_s + 8
    assert not refused(client)
    assert not client.away
    closing.hangs_s = 0.5
    assert refused(client)
    assert pause_s(client, clock) == 1


def test_nodes_that_hang_together_cost_one_time_out(
    of_cluster: tuple[str, list[Any]],
) -> None:
    url, nodes = of_cluster
    client = RedisClient(url, True)
    assert not refused(client)
    with ExitStack() as hanging:
        for node in nodes:
            hanging.enter_context(frozen(node))
        assert seconds_of_ten_threads(client) < 2.9, "one after the other they cost three"


def until_blocked(nodes: list[Any], count: int) -> None:
    """So many clients wait for something, of all nodes."""
    for _ in range(10_000):
        if sum(node.info("clients")["blocked_clients"] for node in nodes) == count:
            return
    raise AssertionError("they do not wait")


def test_sockets_that_are_closed_in_mid_use_are_opened_again(
    served: tuple[RedisClient, list[Any]],
) -> None:
    client, nodes = served
    keys = [f"bell{number}" for number in range(6)]
    with ThreadPoolExecutor(len(keys)) as pool:
        asked = [pool.submit(client.run, ("GET", "k"), ("BLPOP", key, 0.9)) for key in keys]
        until_blocked(nodes, len(keys))
        for node in nodes:
            node.client_kill_filter(_type="normal", skipme=True)
        until_blocked(nodes, len(keys))
        client.run(*(("RPUSH", key, "x") for key in keys))
        assert [each.result(10) for each in asked] == [[None, (key, "x")] for key in keys]


def test_sockets_that_were_closed_in_between_are_opened_again_for_what_is_sent_once(
    served: tuple[RedisClient, list[Any]],
) -> None:
    client, nodes = served
    client.run(*ALL)
    for node in nodes:
        node.client_kill_filter(_type="normal", skipme=True)
    assert client.run(*ALL, once=True) == [None] * len(ALL)


@pytest.mark.parametrize(("once", "sent"), [(False, 2), (True, 1)])
def test_what_would_do_harm_twice_is_not_sent_twice(
    once: bool, sent: int, clock: Ahead, closing: Closing
) -> None:
    client = RedisClient(closing.url, False, clock)
    with pytest.raises(CacheDown):
        client.run(("GET", "k"), once=once)
    assert closing.requests == sent


SID = ConnectionId("s")
TARGET = Target(SID, UserId("alice"), "api", "stage", Region("eu-west-1"), "json", 0)
ONCE: dict[str, Callable[[RedisCache, RedisSessions], Any]] = {
    "register": lambda cache, _: cache.register(Connection(TARGET, {}, 0, 0, 0)),
    "claim": lambda cache, _: cache.claim("counts", 5),
    "gather": lambda _, sessions: sessions.gather(SID, None, "bAA=="),
    "hand_out": lambda _, sessions: sessions.hand_out(SID, [PacketPart(1, 0, None)]),
    "push": lambda _, sessions: sessions.push(SID, ["2"]),
    "poll": lambda _, sessions: sessions.poll(SID, "poll", 1, 0),
    "take": lambda _, sessions: sessions.take(SID, "poll"),
    "queued": lambda _, sessions: sessions.queued(SID, "mover", 1, 0),
}


@pytest.mark.parametrize("name", ONCE)
def test_what_counts_or_takes_is_not_sent_twice(name: str, clock: Ahead, closing: Closing) -> None:
    client = RedisClient(closing.url, False, clock)
    with pytest.raises(CacheDown):
        ONCE[name](RedisCache(client, CountingIds()), RedisSessions(client))
    assert closing.requests == 1


def test_a_stall_at_the_end_of_a_wait_is_no_outage(
    served: tuple[RedisClient, list[Any]],
) -> None:
    client, nodes = served
    client.run(("GET", "k"))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.wait, "bell", 0.9)
        for node in nodes:
            # Beyond the socket's time-out.
            node.execute_command("CLIENT", "PAUSE", 1_500, "ALL")
        waiting.result(10)
    for node in nodes:
        node.execute_command("CLIENT", "UNPAUSE")
    assert client.run(("GET", "k")) == [None]


def test_a_wait_takes_what_is_there_and_tells_of_an_outage() -> None:
    with valkey() as server:
        client = RedisClient(server.url, False)
        client.run(("RPUSH", "bell", "1"))
        client.wait("bell", 0.5)
        assert client.run(("LLEN", "bell")) == [0]
        server.stop()
        with pytest.raises(CacheDown):
            client.wait("bell", 0.5)
