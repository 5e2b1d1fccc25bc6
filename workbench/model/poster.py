"""@connections in virtual time, with the sockets of one process: see `ports.delivery.Poster`.

As in the product, posts to one connection go one after the other, and no post waits for those of
other connections except for a socket, and for the CPU that signs it.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId

from .calls import Meter


class Arrival(NamedTuple):
    """A frame at a client."""

    connection_id: ConnectionId
    data: bytes
    at_us: int


class ModelPoster:
    """
    Args:
        sockets: How many posts a process has under way at most.
        arrivals: Where to note what clients get.
    """

    def __init__(self, meter: Meter, sockets: int, arrivals: list[Arrival]) -> None:
        self._meter, self._arrivals = meter, arrivals
        self._free_us = [0] * sockets
        self._cpu_free_us = 0

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        running = self._meter.current()
        if running is None or not posts:
            return [Outcome.DELIVERED for _ in posts]
        running.posts += len(posts)
        now_us = self._meter.scheduler.now_us
        ends_us = self._send(posts, now_us, within_ms)
        self._meter.scheduler.pause(max(filter(None, ends_us), default=now_us) - now_us)
        return [Outcome.UNSENT if end is None else Outcome.DELIVERED for end in ends_us]

    def close(self, target: Target) -> Outcome:
        raise RuntimeError(f"nobody is closed: {target.connection_id}")

    def _send(self, posts: Sequence[Post], now_us: int, within_ms: int | None) -> list[int | None]:
        """Note when each arrives, and return that; None for one that is not begun in time."""
        chains: dict[ConnectionId, list[int]] = {}
        for place, post in enumerate(posts):
            chains.setdefault(post.target.connection_id, []).append(place)
        until_us = now_us + within_ms * 1000 if within_ms is not None else None
        cpu_us = self._meter.cpu_us("post")
        ends_us: list[int | None] = [None] * len(posts)
        ready = [(now_us, number, 0) for number in range(len(chains))]  # a heap already
        each = list(chains.values())
        while ready:
            ready_us, number, at = heapq.heappop(ready)
            begin_us = max(ready_us, self._free_us[0], self._cpu_free_us)
            if until_us is not None and begin_us > until_us:
                continue
            heapq.heappop(self._free_us)
            self._cpu_free_us = begin_us + cpu_us
            end_us = self._cpu_free_us + self._meter.draw_us("post")
            heapq.heappush(self._free_us, end_us)
            place = each[number][at]
            post, ends_us[place] = posts[place], end_us
            self._arrivals.append(Arrival(post.target.connection_id, post.data, end_us))
            if at + 1 < len(each[number]):
                heapq.heappush(ready, (end_us, number, at + 1))
        return ends_us
