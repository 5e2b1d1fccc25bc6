"""What happens in drills beside the faults of services: each is a context, begun and ended.

What an act finds it notes on the `Ground`: promises that must hold, and figures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tidings_client import TidingsClient
from workbench.gateway.faults import Kind, Service
from workbench.stack.regions.orders import DEPLOY, ROLLBACK

from .figures import connected_at
from .ground import Ground
from .history import History

_MOVED_S = 60.0  # a drain begins after 15 s, and its last turn is 10 s later
_LOOK_S = 0.25
_PARTS, _PART_S = 10, 1.0  # of a rollout
_LOST_MS = 3_000.0  # what the replica of a failover lacks


@asynccontextmanager
async def drained(ground: Ground) -> AsyncIterator[None]:
    """Drain the first region until all of its clients are elsewhere; then take it in again."""
    service, began_s = ground.service, time.monotonic()
    token = await service.token("drill-operator", "admin")
    host = urlsplit(ground.stack.urls[ground.first]).netloc
    await service.drain(token)

    async def empty() -> bool:
        """Redis may not have counted yet; a gateway knows its sockets."""
        at = connected_at(History(events=tuple(ground.recorder.events)))
        elsewhere = all(at.get(client, host) != host for client in ground.home)
        counted = elsewhere and await service.connections(token) in (0, None)
        return counted and await service.sockets() == 0

    moved = await until(empty, _MOVED_S)
    ground.promises["all clients are in the other region"] = moved
    ground.noted["drained_s"] = round(time.monotonic() - began_s, 3)
    yield
    await service.undrain(token)
    ended_s = time.monotonic()
    back = await until(service.takes_clients, 15.0)
    ground.noted["taken_in_s"] = round(time.monotonic() - ended_s, 3)
    ground.promises["the region takes new clients again"] = back and (
        await _greets(ground, ground.first) == ground.first
    )


@asynccontextmanager
async def deployed(ground: Ground) -> AsyncIterator[None]:
    """Replace the functions by new ones, one after the other; both kinds serve meanwhile."""
    for part in range(1, _PARTS + 1):
        await ground.order(Service.FUNCTIONS, DEPLOY, part / _PARTS)
        await asyncio.sleep(_PART_S)
    old, new = await ground.service.served()
    ground.noted["served_by_old"], ground.noted["served_by_new"] = old, new
    ground.promises["old and new functions have served"] = old > 0 and new > 0
    yield


@asynccontextmanager
async def rolled_back(ground: Ground) -> AsyncIterator[None]:
    """Redis fails over to a replica that lacks the last seconds."""
    await ground.order(Service.REDIS, ROLLBACK, _LOST_MS)
    yield


@asynccontextmanager
async def all_cut(ground: Ground) -> AsyncIterator[None]:
    """End every connection of the first region in the same moment."""
    await ground.order(Service.GATEWAY, Kind.REFUSE)
    await ground.order(Service.GATEWAY)
    yield


async def until(holds: Callable[[], Awaitable[bool]], within_s: float) -> bool:
    """Wait, bounded, until it holds; whether it did."""
    until_s = time.monotonic() + within_s
    while not await holds():
        if time.monotonic() > until_s:
            return False
        await asyncio.sleep(_LOOK_S)
    return True


async def _greets(ground: Ground, region: str) -> str:
    """The region in which a new client that connects to this one's URL finds itself."""
    token = await ground.service.token("drill-newcomer")

    async def give() -> str:
        return token

    url = ground.stack.urls[region].replace("http", "ws", 1) + "/ws"
    client = TidingsClient(url, give, lambda name, data: None, api=None)
    try:
        await client.connect()
        return str((await client.call("hello", {}))["region"])
    finally:
        await client.close()
