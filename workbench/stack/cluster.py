"""Valkey in cluster mode, as ElastiCache Serverless speaks it; for tests."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from redis import Redis

from .children import StackError, free_port, start_valkey

_SLOTS = 16384
_HOST = "127.0.0.1"


@contextlib.contextmanager
def valkey_cluster(
    nodes: int = 3, within_s: float = 30.0, announced: Callable[[int], int] = lambda port: port
) -> Iterator[str]:
    """Nodes with all slots given out, each at `cluster_state:ok`; the URL of one of them.

    Args:
        announced: The port that clients are told instead of a node's own.

    Raises:
        StackError: The cluster was not formed in time.
    """
    ports = [(free_port(), free_port()) for _ in range(nodes)]
    with contextlib.ExitStack() as stack:
        clients: list[Any] = []
        for port, bus in ports:
            told = ("--cluster-announce-port", str(announced(port)))
            bus_port = ("--cluster-port", str(bus))
            child = start_valkey(port, "--cluster-enabled", "yes", *bus_port, *told)
            stack.callback(child.stop)
            client = Redis(host=_HOST, port=port, socket_timeout=5)
            stack.callback(client.close)
            clients.append(client)
        for number, client in enumerate(clients):
            first, end = number * _SLOTS // nodes, (number + 1) * _SLOTS // nodes
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
        for port, bus in ports[1:]:
            clients[0].execute_command("CLUSTER MEET", _HOST, port, bus)
        deadline = time.monotonic() + within_s
        while not all(_is_formed(client, nodes) for client in clients):
            if time.monotonic() > deadline:
                raise StackError(f"the Valkey cluster was not formed within {within_s:g} s")
            time.sleep(0.05)
        yield f"redis://{_HOST}:{ports[0][0]}"


def _is_formed(client: Any, nodes: int) -> bool:
    info = client.execute_command("CLUSTER INFO")
    return bool(info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == nodes)
