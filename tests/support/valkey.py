"""Valkey servers for tests, and what a test does to one: kill it, freeze it, let time pass."""

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
    """One server, which can be killed and started again on its port (empty)."""

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
    """The URL of a cluster of three, and a client of each node."""
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
    """The server holds its sockets and answers nothing."""
    pid = int(node.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def pass_time(nodes: Iterable[Any], seconds: int) -> None:
    """Expire keys as if so long had passed; what a test took itself (under 1 s) is not counted."""
    for node in nodes:
        for key in node.keys("*"):
            left_ms = node.pttl(key)
            if left_ms >= 0:
                left_s = -(-left_ms // 1000) - seconds
                node.pexpire(key, left_s * 1000) if left_s > 0 else node.delete(key)
