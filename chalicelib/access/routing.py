"""Which region and shard a user connects to, by location, deployed regions and their health.

A shard is one of several WebSocket APIs of a region, for when the limits of one are not enough. A
stable hash of the user id selects the shard; it is the same in every region and never changes.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..kernel.errors import NotFound
from ..kernel.settings import Endpoint
from ..model.identifiers import Region, UserId
from ..ports.access import PeerHealth
from ..ports.system import Clock, Parallel
from .health import RegionHealth

ASIA_PACIFIC = (Region("ap-southeast-1"), Region("ap-northeast-1"))
NORTH_AMERICA = (Region("us-east-1"), Region("us-west-2"))
EUROPE = (Region("eu-west-1"), Region("eu-central-1"))
_GROUPS = (ASIA_PACIFIC, NORTH_AMERICA, EUROPE)
_FIRST = {
    "CN": ASIA_PACIFIC + NORTH_AMERICA + EUROPE,
    "US": NORTH_AMERICA + EUROPE + ASIA_PACIFIC,
}
_OTHERS = EUROPE + NORTH_AMERICA + ASIA_PACIFIC
ASKED_EVERY_MS = 10_000


@dataclass(frozen=True, slots=True)
class EndpointRoute:
    """A region to connect to.

    Attributes:
        url: The WebSocket URL of the user's shard.
        api: The base URL of the HTTP API.
    """

    region: Region
    url: str
    api: str


def stable_hash(text: str) -> int:
    """h = h * 31 + code unit (UTF-16) in signed 32 bits, then its absolute value.

    It is Java's `String.hashCode`, so that clients in any language can compute it. The absolute
    value is not limited to 32 bits: -2^31 gives 2^31.
    https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/String.html#hashCode()
    """
    units = text.encode("utf-16-be", "surrogatepass")
    h = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        h = (h * 31 + (high << 8 | low)) & 0xFFFFFFFF
    return abs(h - (1 << 32) if h >= 1 << 31 else h)


def shard_of(user_id: UserId, shards: int) -> str:
    return f"ws-{stable_hash(user_id) % shards}"


def by_preference(location: str, deployed: Sequence[Region]) -> list[Region]:
    """Return the deployed regions, the best for a location (ISO 3166 alpha-2) first.

    Regions that are in no group come last.
    """
    order = _FIRST.get(location.upper(), _OTHERS)
    known = [region for region in order if region in deployed]
    return [*known, *(region for region in deployed if region not in known)]


def near(region: Region, others: Sequence[Region]) -> list[Region]:
    """Return the other regions, those in the same group first."""
    own = next((group for group in _GROUPS if region in group), ())
    ordered = by_preference("", others)
    return sorted(ordered, key=lambda each: each not in own)


class Router:
    def __init__(
        self,
        endpoints: Mapping[Region, Endpoint],
        shards: int,
        region: Region,
        peers: PeerHealth,
        health: RegionHealth,
        clock: Clock,
        parallel: Parallel,
    ) -> None:
        self._endpoints = endpoints
        self._shards = shards
        self._region = region
        self._peers = peers
        self._health = health
        self._clock = clock
        self._parallel = parallel
        self._lock = threading.Lock()
        self._healthy: frozenset[Region] = frozenset()
        self._asked_ms: int | None = None

    def shard(self, user_id: UserId) -> str:
        return shard_of(user_id, self._shards)

    def routes(self, user_id: UserId, location: str) -> list[EndpointRoute]:
        """Return where to connect, the best region first, the others as fallbacks.

        A region is healthy when its health check succeeds: that of a peer returned 200 within the
        last 10 s. When no region is healthy, this one is returned, because it is answering.

        Raises:
            NotFound: No endpoints are configured.
        """
        healthy = set(self._peers_up())
        if not healthy or self._health.report().serves:
            healthy |= {self._region} & set(self._endpoints)
        if not healthy:
            raise NotFound("no endpoints are configured")
        deployed = [region for region in self._endpoints if region in healthy]
        return [self._route(region, user_id) for region in by_preference(location, deployed)]

    def left_out(self, user_id: UserId, routes: Sequence[EndpointRoute]) -> list[EndpointRoute]:
        """Return the deployed regions that are not among these routes: they are not healthy."""
        named = {route.region for route in routes}
        return [self._route(each, user_id) for each in self._endpoints if each not in named]

    def others_are_up(self) -> bool:
        """Whether another region was healthy within the last 10 s."""
        return bool(self._peers_up())

    def elsewhere(self, user_id: UserId) -> EndpointRoute | None:
        """Return where a user of this region should connect instead: the nearest healthy region."""
        up = self._peers_up()
        nearest = next((region for region in near(self._region, list(up))), None)
        return self._route(nearest, user_id) if nearest is not None else None

    def _route(self, region: Region, user_id: UserId) -> EndpointRoute:
        url = self._endpoints[region].websocket.replace("{shard}", self.shard(user_id))
        return EndpointRoute(region, url, self._endpoints[region].api)

    def _peers_up(self) -> frozenset[Region]:
        """Return the healthy peers; all are checked in parallel, at most once in 10 s."""
        peers = {r: e.health for r, e in self._endpoints.items() if r != self._region}
        now_ms = self._clock.now_ms()
        with self._lock:
            known = self._asked_ms is not None and now_ms - self._asked_ms < ASKED_EVERY_MS
            if known or not peers:
                return self._healthy
            self._asked_ms = now_ms
        answers = self._parallel.run(
            [functools.partial(self._peers.healthy, url) for url in peers.values()]
        )
        up = frozenset(region for region, ok in zip(peers, answers, strict=True) if ok)
        with self._lock:
            self._healthy = up
        return up
