"""Valkey servers for tests; a test can kill one, freeze it, or advance its time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster

from workbench.stack.children import Child, free_port, start_valkey
from workbench.stack.cluster import valkey_cluster


class Valkey:
    """One server, which can be killed and restarted empty on its port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.client: Any = Redis(port=self.port, decode_responses=True)
        self._child: Child | None = None

    def start(self) -> None:
        self._child = start_valkey(self.port)

    def stop(self) -> None:
        """Idempotent."""
        if self._child is not None:
            self._child.stop()
            self._child = None


@contextmanager
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    server.start()
    try:
        yield server
    finally:
        server.client.close()
        server.stop()


@contextmanager
def cluster() -> Iterator[tuple[str, list[Any]]]:
    """Yield the URL of a cluster of three nodes, and a client of each node."""
    with valkey_cluster() as url:
        with RedisCluster.from_url(url) as found:
            ports = sorted(node.port for node in found.get_primaries())
        nodes = [Redis(port=port, decode_responses=True) for port in ports]
        try:
            yield url, nodes
        finally:
            for node in nodes:
                node.close()


@contextmanager
def frozen(node: Any) -> Iterator[None]:
    """Freeze the server: it keeps its sockets open and answers nothing."""
    pid = int(node.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def pass_time(nodes: Iterable[Any], seconds: int) -> None:
    """Expire keys as if `seconds` had passed; the test's own run time (under 1 s) is ignored."""
    for node in nodes:
        for key in node.keys("*"):
            left_ms = node.pttl(key)
            if left_ms >= 0:
                left_s = -(-left_ms // 1000) - seconds
                node.pexpire(key, left_s * 1000) if left_s > 0 else node.delete(key)
