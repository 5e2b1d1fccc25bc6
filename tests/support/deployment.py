"""A deployment of several regions: a world in each, with a replica of the log, item by item.

What is written in one region waits until a test replicates it, so any item can be there before
any other. Read markers, rooms and presence are shared: they arrive at once. What a region
publishes is in the inboxes of the others at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.adapters.memory import MemoryMessageLog, MemoryPeerQueues
from chalicelib.composition import compose
from chalicelib.entrypoints import streams
from chalicelib.entrypoints.http import rest
from chalicelib.model.identifiers import Region
from chalicelib.model.replication import Arrival, ReplicatedDedupe
from tests.support.world import World

US, EU, AP = Region("us-east-1"), Region("eu-west-1"), Region("ap-southeast-1")
_SHARED = ("rooms", "friends", "consents", "revocations", "markers", "presence")


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

    TABLES = ("heads", "tails", "dedupes", "copies", "reaches")

    def __init__(self, now: Callable[[], int]) -> None:
        super().__init__()
        self.written: list[Item] = []
        self._now = now
        self._at: dict[tuple[str, Any], int] = {}
        self._entries = _Streams(lambda key, value: self._note("entries", key, value))
        for table in self.TABLES:
            setattr(self, f"_{table}", _Items(self._noting(table)))

    def is_new(self, item: Item) -> bool:
        """Whether it would be an insert here."""
        return (item.table, item.key) not in self._at

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

    def kept(self, own: Region) -> list[Arrival]:
        """What was written here of other regions and not yet replicated: the stream has it."""
        found: list[Arrival] = []
        for item in self.written:
            if entries(item) and item.value.region != own and not item.value.deleted:
                found.append(item.value)
            elif dedupes(item) and item.value[1].region != own:
                found.append(_dedupe(item))
        return found

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
        triggers: Whether the trigger of the replicas' streams reports them instead.
    """

    def __init__(self, *regions: Region, triggers: bool = False, **settings: Any) -> None:
        self.regions = regions or (US, EU)
        self.worlds: dict[Region, World] = {}
        self.logs: dict[Region, ReplicaLog] = {}
        self.carries = not triggers
        self.triggers = triggers
        self.peer_queues: dict[Region, MemoryPeerQueues] = {}
        self._writes = itertools.count(1)
        self._reported_kept: dict[Region, int] = {}
        self._waiting: dict[tuple[Region, Region], list[Item]] = {}
        shared: dict[str, Any] = {}
        for place, region in enumerate(self.regions):
            world = World(region=region, regions=self.regions, **settings)
            world.ids._numbers = itertools.count(1 + place * 10**9)
            shared = shared or {name: getattr(world.adapters, name) for name in _SHARED}
            self.logs[region] = ReplicaLog(lambda: next(self._writes))
            queues = MemoryPeerQueues()
            world.adapters = replace(
                world.adapters, log=self.logs[region], peer_outbound=queues, **shared
            )
            self.peer_queues[region] = queues
            world.services = compose(world.settings, world.adapters)
            self.worlds[region] = world
        for region in self.regions:
            self.join(region)
        self._connect_topics()

    def __getitem__(self, region: Region) -> World:
        return self.worlds[region]

    def room(self, owner: str, *others: str, room_id: str = "lobby") -> str:
        """Create a room in the first region."""
        return self.worlds[self.regions[0]].room(owner, *others, room_id=room_id)

    def join(self, region: Region) -> None:
        """Let a region reach the queues of all others, and they its own."""
        for other in self.regions:
            if other != region:
                for here, there in ((region, other), (other, region)):
                    queue: Any = self.worlds[there].adapters.outbound
                    self.peer_queues[here].queues[there] = queue

    def cut(self, region: Region) -> None:
        """Let a region reach no queue of another one, and no other one its own."""
        for other in self.regions:
            self.peer_queues[region].queues.pop(other, None)
            self.peer_queues[other].queues.pop(region, None)

    def lose(self, region: Region) -> None:
        """Lose a region for good, with what was not replicated."""
        self.replicate(lambda item: False)
        self.cut(region)
        for source, target in self._waiting:
            if region in (source, target):
                self._waiting[source, target].clear()

    def restore(self, region: Region, source: Region) -> None:
        """Give a region that was lost with its data the tables of another one."""
        here, there = self.logs[region], self.logs[source]
        for table in (here._entries, *(getattr(here, f"_{name}") for name in here.TABLES)):
            table.clear()
        here._at.clear()
        here.written.clear()
        for (table, key), at in there._at.items():
            if table == "entries":
                value = there._entries[key[0]][key[1]]
            else:
                value = getattr(there, f"_{table}")[key]
            here.take(Item(table, key, value, at))
        self.worlds[region].cache.flush()
        self.join(region)

    def pass_ms(self, ms: int) -> None:
        for world in self.worlds.values():
            world.clock.ms += ms

    def send(
        self, region: Region, text: str, user: str = "alice", *, room_id: str = "lobby", **more: Any
    ) -> dict[str, Any]:
        """Send over HTTP; return the message."""
        self.pass_ms(1)
        body = {"message_type": "text", "content": text, **more}
        answer = self[region].http(rest.post_message, user, body, room_id=room_id)
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
            self._report_kept(origin)
            for region in self.regions:
                if region != origin:
                    self._waiting.setdefault((origin, region), []).extend(log.written)
            log.written.clear()
            self._reported_kept[origin] = 0
        count = 0
        for (origin, region), items in self._waiting.items():
            if source not in (None, origin) or target not in (None, region):
                continue
            picks = [(item, which(item)) for item in items]
            chosen = [item for item, picked in picks if picked]
            items[:] = [item for item, picked in picks if not picked]
            arrivals: list[Arrival] = []
            for item in chosen:
                is_new = self.logs[region].is_new(item)
                self.logs[region].take(item)
                self._arrived(item, origin, region)
                arrivals += self._reported(item, origin, region, is_new)
            if self.triggers:
                self.report(region, arrivals)
            count += len(chosen)
        return count

    def report(self, region: Region, arrivals: list[Arrival]) -> None:
        """Call the trigger of a region's streams."""
        records = [{"eventID": str(n), "arrival": each} for n, each in enumerate(arrivals)]
        streams.replicated(self[region].services, {"Records": records})

    def replicate_checkpoints(self, source: Region, target: Region) -> None:
        """Let the target have the checkpoints that the source has now."""
        stores: Any = (self[source].adapters.checkpoints, self[target].adapters.checkpoints)
        stores[1]._checkpoints.update(stores[0]._checkpoints)

    # An entry looks for its head up to 30 times; when jobs are pumped, that takes no time.
    ROUNDS = 200

    def pump(self) -> None:
        """Do the jobs that are due, and those that the streams report of what they have kept."""
        for region, world in self.worlds.items():
            world.pump(self.ROUNDS, world.clock.ms)
            while self._report_kept(region):
                world.pump(self.ROUNDS, world.clock.ms)

    def wait(self, seconds: float) -> None:
        for world in self.worlds.values():
            world.wait(seconds, self.ROUNDS)
        self.pump()

    def _connect_topics(self) -> None:
        """Subscribe each region's inbox to the topics of all others."""
        for region, world in self.worlds.items():
            for peer, other in self.worlds.items():
                if peer != region:
                    world.topic.inboxes[peer] = other.adapters.inbox

    def _reported(self, item: Item, origin: Region, region: Region, is_new: bool) -> list[Arrival]:
        """What a stream reports of an item that was not there before."""
        if entries(item) and item.value.kept:
            return [item.value] if is_new and item.value.region != region else []
        if entries(item) and item.value.region == origin and not item.value.deleted:
            return [item.value] if is_new else []
        return [_dedupe(item)] if dedupes(item) else []

    def _report_kept(self, region: Region) -> bool:
        """Report what a region has kept of others' entries since the last time."""
        kept = self.logs[region].kept(region)
        new = kept[self._reported_kept.get(region, 0) :]
        if new and self.triggers:
            self.report(region, new)
        self._reported_kept[region] = len(kept)  # Lambda repeats a batch that failed
        return bool(new)

    def _arrived(self, item: Item, origin: Region, region: Region) -> None:
        """Let a region take note of an entry that it has now, with or before its dedupe item."""
        entry = item.value if entries(item) else None
        if dedupes(item):
            first = item.value[1]
            entry = self.logs[region].get(item.key[0], first.region, first.message_id)
        if self.carries and entry is not None and entry.region == origin:
            self[region].services.writer.arrived(entry)


def _dedupe(item: Item) -> ReplicatedDedupe:
    first = item.value[1]
    return ReplicatedDedupe(item.key[0], first.region, first.message_id)
