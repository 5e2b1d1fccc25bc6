"""Regions whose global tables are replicated item by item, as DynamoDB's global tables are.

Each region has its own replica of each table. What a region writes waits for each other region;
a test delivers what waits in any order, or not at all while the regions are partitioned. Of two
writes to one item the one with the later time wins everywhere, whatever was read before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from chalicelib.adapters.memory import (
    MemoryConsentStore,
    MemoryFriendStore,
    MemoryPresenceStore,
    MemoryRevocationStore,
    MemoryRoomStore,
)
from chalicelib.adapters.memory.items import Items
from chalicelib.adapters.memory.rooms import RoomTables
from chalicelib.composition import compose
from chalicelib.model.identifiers import Region
from chalicelib.model.replication import Replicated
from tests.support.world import World

US, EU, AP = Region("us-east-1"), Region("eu-west-1"), Region("ap-southeast-1")
Key = tuple[str, str, str]  # table, partition, sort key
Stamp = tuple[int, Region]


@dataclass(frozen=True)
class Write:
    """A write on its way to another region; `item` is None if it deleted the item."""

    key: Key
    item: Any
    at: Stamp
    to: Region


class ReplicaItems(Items[Any]):
    """A region's replica of a table."""

    def __init__(self, table: str, replica: Replica) -> None:
        super().__init__()
        self._table = table
        self._replica = replica

    def put(self, partition: str, sort: str, item: Any) -> None:
        super().put(partition, sort, item)
        self._replica.wrote((self._table, partition, sort), item)

    def delete(self, partition: str, sort: str) -> Any:
        deleted = super().delete(partition, sort)
        if deleted is not None:
            self._replica.wrote((self._table, partition, sort), None)
        return deleted

    def receive(self, partition: str, sort: str, item: Any) -> None:
        if item is None:
            super().delete(partition, sort)
        else:
            super().put(partition, sort, item)


class Replica:
    """The global tables of one region."""

    TABLES = ("rooms", "memberships", "friends", "consents", "revocations", "presence")

    def __init__(
        self, region: Region, now_ms: Callable[[], int], send: Callable[[Key, Any, Stamp], None]
    ) -> None:
        self.tables = {name: ReplicaItems(name, self) for name in self.TABLES}
        self.times: dict[Key, Stamp] = {}
        self._region = region
        self._now_ms = now_ms
        self._send = send

    def wrote(self, key: Key, item: Any) -> None:
        before_ms, _ = self.times.get(key, (0, self._region))
        self.times[key] = (max(self._now_ms(), before_ms + 1), self._region)
        self._send(key, item, self.times[key])

    def receive(self, write: Write) -> bool:
        """Take a write of another region, unless a later one is there already."""
        if write.at <= self.times.get(write.key, (0, Region(""))):
            return False
        self.times[write.key] = write.at
        table, partition, sort = write.key
        self.tables[table].receive(partition, sort, write.item)
        return True

    def contents(self) -> dict[Key, Any]:
        return {
            (name, partition, sort): item
            for name, table in self.tables.items()
            for partition in table.partitions()
            for sort, item in table.partition(partition)
        }


class Deployment:
    """A world for each region, on its own replica of the global tables.

    Attributes:
        waiting: Writes that have not been replicated yet.
        apart: Regions that replicate to no other one.
    """

    def __init__(self, *regions: Region, merging: bool = True) -> None:
        """Build the regions.

        Args:
            merging: Let the stores know of the other regions. Otherwise they work as in a
                deployment of one region.
        """
        self.regions = regions
        self.waiting: list[Write] = []
        self.apart: set[Region] = set()
        self.claims: Items[Any] = Items()
        self.replicas: dict[Region, Replica] = {}
        self.worlds = {region: self._world(region, merging) for region in regions}

    def replicate(self, write: Write) -> None:
        """Deliver one write, and let it take effect there."""
        self.waiting.remove(write)
        if self.replicas[write.to].receive(write):
            self.worlds[write.to].services.foreign.arrived(Replicated(*write.key))

    def deliverable(self) -> list[Write]:
        return [w for w in self.waiting if not self.apart & {w.at[1], w.to}]

    def replicate_some(self, random: Random, most: int) -> None:
        """Deliver some of what waits, in any order."""
        for _ in range(random.randint(0, most)):
            if not (can := self.deliverable()):
                return
            self.replicate(random.choice(can))

    def replicate_all(self, random: Random | None = None) -> None:
        """Deliver everything, and run the jobs that follow from it, until nothing waits."""
        for _ in range(100):
            while can := self.deliverable():
                self.replicate(random.choice(can) if random else can[0])
            self.pump()
            if not self.deliverable():
                return
        raise AssertionError("the replicas do not come to rest")

    def pump(self) -> None:
        for world in self.worlds.values():
            world.pump(until_ms=world.clock.ms)

    def wait(self, seconds: float) -> None:
        for world in self.worlds.values():
            world.wait(seconds)

    def set_clocks(self, differences_ms: Sequence[int]) -> None:
        for world, difference_ms in zip(self.worlds.values(), differences_ms, strict=True):
            world.clock.ms += difference_ms

    def _world(self, region: Region, merging: bool) -> World:
        world = World(region=region, regions=self.regions if merging else ())
        replica = Replica(region, world.clock.now_ms, self._sender(region))
        self.replicas[region] = replica
        own_first = (region, *(each for each in self.regions if each != region))
        known = own_first if merging else (region,)
        tables = replica.tables
        world.adapters = replace(
            world.adapters,
            rooms=MemoryRoomStore(
                known, RoomTables(tables["rooms"], tables["memberships"], self.claims)
            ),
            friends=MemoryFriendStore(known, tables["friends"]),
            consents=MemoryConsentStore(known, tables["consents"]),
            revocations=MemoryRevocationStore(known, tables["revocations"]),
            presence=MemoryPresenceStore(tables["presence"]),
        )
        world.services = compose(world.settings, world.adapters)
        return world

    def _sender(self, region: Region) -> Callable[[Key, Any, Stamp], None]:
        def send(key: Key, item: Any, at: Stamp) -> None:
            others = [each for each in self.regions if each != region]
            self.waiting += [Write(key, item, at, to) for to in others]

        return send
