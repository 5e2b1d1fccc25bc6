"""A deployment of several regions: a world in each, with a replica of the log, item by item.

What is written in one region waits until a test replicates it, so any item can be there before
any other. Read markers and rooms are shared: they arrive at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.adapters.memory import MemoryMessageLog
from chalicelib.entrypoints.http import rest
from chalicelib.model.identifiers import Region
from chalicelib.services import compose
from tests.support.world import World

US, EU, AP = Region("us-east-1"), Region("eu-west-1"), Region("ap-southeast-1")
_SHARED = ("rooms", "friends", "revocations", "markers")


@dataclass(frozen=True)
class Item:
    """An item that was written: its table and key, its value, and the number of the write.

    The store's own clock decides which write is later, not that of a region's functions.
    """

    table: str
    key: Any
    value: Any
    at: int


Which = Callable[[Item], bool]


def entries(item: Item) -> bool:
    return item.table == "entries"


def heads(item: Item) -> bool:
    return item.table in ("heads", "tails")


def dedupes(item: Item) -> bool:
    return item.table == "dedupes"


def number(seq: int) -> Which:
    """Only the entry with this seq."""
    return lambda item: entries(item) and item.value.seq == seq


class _Items(dict[Any, Any]):
    """A dict that reports its writes."""

    def __init__(self, written: Callable[[Any, Any], None]) -> None:
        super().__init__()
        self._written = written

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self._written(key, value)


class _Streams(dict[Any, Any]):
    """The entries by stream, whose writes are reported."""

    def __init__(self, written: Callable[[Any, Any], None]) -> None:
        super().__init__()
        self._written = written

    def setdefault(self, stream: Any, default: Any = None) -> Any:
        if stream not in self:
            self[stream] = _Items(lambda key, value: self._written((stream, key), value))
        return self[stream]


class ReplicaLog(MemoryMessageLog):
    """A region's replica of the log: the later write of an item wins."""

    TABLES = ("heads", "tails", "dedupes", "copies")

    def __init__(self, now: Callable[[], int]) -> None:
        super().__init__()
        self.written: list[Item] = []
        self._now = now
        self._at: dict[tuple[str, Any], int] = {}
        self._entries = _Streams(lambda key, value: self._note("entries", key, value))
        for table in self.TABLES:
            setattr(self, f"_{table}", _Items(self._noting(table)))

    def take(self, item: Item) -> None:
        """Take over an item of another region, unless this region's own is later."""
        if self._at.get((item.table, item.key), 0) >= item.at:
            return
        kept = len(self.written)
        if item.table == "entries":
            stream, message_id = item.key
            self._entries.setdefault(stream, {})[message_id] = item.value
        else:
            getattr(self, f"_{item.table}")[item.key] = item.value
        del self.written[kept:]
        self._at[item.table, item.key] = item.at

    def _noting(self, table: str) -> Callable[[Any, Any], None]:
        return lambda key, value: self._note(table, key, value)

    def _note(self, table: str, key: Any, value: Any) -> None:
        item = Item(table, key, value, self._now())
        self._at[table, key] = item.at
        self.written.append(item)


class Deployment:
    """Worlds by region. Their clocks run together, from where a test puts them.

    Attributes:
        carries: Whether a region takes note of the entries that arrive.
    """

    def __init__(self, *regions: Region, **settings: Any) -> None:
        self.regions = regions or (US, EU)
        self.worlds: dict[Region, World] = {}
        self.logs: dict[Region, ReplicaLog] = {}
        self.carries = True
        self._writes = itertools.count(1)
        self._waiting: dict[tuple[Region, Region], list[Item]] = {}
        shared: dict[str, Any] = {}
        for place, region in enumerate(self.regions):
            world = World(region=region, regions=self.regions, **settings)
            world.ids._numbers = itertools.count(1 + place * 10**9)
            shared = shared or {name: getattr(world.adapters, name) for name in _SHARED}
            self.logs[region] = ReplicaLog(lambda: next(self._writes))
            world.adapters = replace(world.adapters, log=self.logs[region], **shared)
            world.services = compose(world.settings, world.adapters)
            self.worlds[region] = world

    def __getitem__(self, region: Region) -> World:
        return self.worlds[region]

    def room(self, owner: str, *others: str, room_id: str = "lobby") -> str:
        """Create a room in the first region."""
        return self.worlds[self.regions[0]].room(owner, *others, room_id=room_id)

    def pass_ms(self, ms: int) -> None:
        for world in self.worlds.values():
            world.clock.ms += ms

    def send(self, region: Region, text: str, user: str = "alice", **more: Any) -> dict[str, Any]:
        """Send over HTTP; return the message."""
        self.pass_ms(1)
        body = {"message_type": "text", "content": text, **more}
        answer = self[region].http(rest.post_message, user, body, room_id="lobby")
        assert answer.status == 201, answer
        return dict(answer.body)

    def replicate(
        self,
        which: Which = lambda item: True,
        *,
        source: Region | None = None,
        target: Region | None = None,
    ) -> int:
        """Replicate what was written and not yet replicated; return the number of items."""
        for origin, log in self.logs.items():
            for region in self.regions:
                if region != origin:
                    self._waiting.setdefault((origin, region), []).extend(log.written)
            log.written.clear()
        count = 0
        for (origin, region), items in self._waiting.items():
            if source not in (None, origin) or target not in (None, region):
                continue
            chosen = [item for item in items if which(item)]
            items[:] = [item for item in items if not which(item)]
            for item in chosen:
                self.logs[region].take(item)
                self._arrived(item, origin, region)
            count += len(chosen)
        return count

    def _arrived(self, item: Item, origin: Region, region: Region) -> None:
        """Let a region take note of an entry that it has now, with or before its dedupe item."""
        entry = item.value if entries(item) else None
        if dedupes(item):
            first = item.value[1]
            entry = self.logs[region].get(item.key[0], first.region, first.message_id)
        if self.carries and entry is not None and entry.region == origin:
            self[region].services.writer.arrived(entry)
