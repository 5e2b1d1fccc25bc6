"""Measure who is connected in a large room: `python -m workbench.load.large_room [--members N]`.

Compares asking Redis for each member with what a delivery does: let Redis intersect the room's
members with those online. Counts come from the server itself.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from redis import Redis

from chalicelib.adapters.redis.cache import RedisCache
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.system import SystemIds
from chalicelib.kernel.ids import BUCKETS
from chalicelib.model.connections import Connection, Target
from chalicelib.model.identifiers import ConnectionId, Region, RoomId, UserId
from chalicelib.model.rooms import LargeRoom, Role
from workbench.stack.children import free_port, start_valkey

ROOM = RoomId("room")
_COUNTS = ("total_commands_processed", "total_net_input_bytes", "total_net_output_bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--connected", type=int, default=100)
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    port = free_port()
    server = start_valkey(port)
    try:
        _measure(port, arguments.members, arguments.connected, arguments.runs)
    finally:
        server.stop()


def _measure(port: int, members: int, connected: int, runs: int) -> None:
    client = RedisClient(f"redis://127.0.0.1:{port}", False)
    cache = RedisCache(client, SystemIds())
    users = [UserId(f"user-{number:032x}") for number in range(members)]
    cache.restore([_connection(user) for user in users[:: max(1, members // connected)]])
    for bucket in range(BUCKETS):
        cache.vouch(bucket, cache.begin(bucket))
    cache.fill_members(ROOM, None, dict.fromkeys(users, Role.MEMBER))

    def asked() -> int:
        """As before decision 18: the members, and a hash for each of them."""
        _, found = cache.members(ROOM)
        names = list(found or {})
        held = 0
        for start in range(0, len(names), 1_000):
            keys = [("HGETALL", f"user:online:{user}") for user in names[start : start + 1_000]]
            held += sum(bool(fields) for fields in client.run(*keys))
        return held

    def intersected() -> int:
        room = cache.deliver(ROOM, []).members
        if not isinstance(room, LargeRoom):
            return len(cache.online(list(room or {})).targets)
        return len(cache.online_in(room).targets)

    print(f"{members:,} members, {connected:,} connected; for each delivery:\n")
    print("| | found | commands | KB to Redis | KB from Redis | trips | ms | CPU ms |")
    print("|---|---|---|---|---|---|---|---|")
    with Redis(port=port) as server:
        for name, run in (("each member asked", asked), ("intersected", intersected)):
            print(_row(name, run, runs, server, client))


def _row(name: str, run: Callable[[], int], runs: int, server: Any, client: RedisClient) -> str:
    found = run()  # the scripts are known from now on
    before, trips = _counts(server), client.round_trips
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(runs):
        run()
    ms, cpu_ms = (time.perf_counter() - start) * 1e3, (time.process_time() - cpu) * 1e3
    spent = [
        (after - earlier) / runs for earlier, after in zip(before, _counts(server), strict=True)
    ]
    trips = client.round_trips - trips
    return (
        f"| {name} | {found} | {spent[0]:,.0f} | {spent[1] / 1e3:,.0f} | {spent[2] / 1e3:,.0f}"
        f" | {trips / runs:g} | {ms / runs:.1f} | {cpu_ms / runs:.1f} |"
    )


def _counts(server: Any) -> list[int]:
    info = server.info()
    return [int(info[name]) for name in _COUNTS]


def _connection(user: UserId) -> Connection:
    target = Target(ConnectionId(f"{user}="), user, "api", "prod", Region("us-east-1"), "json", 1)
    return Connection(target, {}, 1, 1, 2)


if __name__ == "__main__":
    main()
