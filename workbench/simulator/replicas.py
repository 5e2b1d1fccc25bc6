"""The replicas of the global tables: in-memory twins that report each write and take over others'.

Of two writes to an item the one with the later time wins in every region, whatever its writer had
read: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.adapters.memory import (
    MemoryCheckpointStore,
    MemoryConsentStore,
    MemoryFriendStore,
    MemoryMarkers,
    MemoryMessageLog,
    MemoryPresenceStore,
    MemoryRevocationStore,
)
from chalicelib.adapters.memory.items import Items
from chalicelib.adapters.memory.rooms import RoomTables
from chalicelib.model.identifiers import Region, RoomId, Stream, UserId
from chalicelib.model.log import Entry, Reach
from chalicelib.model.presence import Status
from chalicelib.model.replication import Arrival, Replicated, ReplicatedDedupe, ReplicatedMarker

from .twins import LaggingRooms, Later

ITEM_TABLES = ("rooms", "memberships", "friends", "consents", "revocations", "presence")
LOG_TABLES = ("heads", "dedupes", "copies")
Stamp = tuple[int, Region]


@dataclass(frozen=True, slots=True)
class Item:
    """A write to an item: its table and key, its value (None if it was deleted), time and writer.

    Of the log's table, `entries`, `heads`, `dedupes` and `copies` are the kinds of items.
    """

    table: str
    key: Any
    value: Any
    at: Stamp


Wrote = Callable[[str, Any, Any], None]


class _Table(dict[Any, Any]):
    """A dict that reports what is written to it."""

    def __init__(self, wrote: Callable[[Any, Any], None]) -> None:
        super().__init__()
        self._wrote = wrote

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self._wrote(key, value)

    def take(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)


class _Streams(dict[Any, _Table]):
    """The entries of a log by stream, whose writes are reported."""

    def __init__(self, wrote: Callable[[Any, Any], None]) -> None:
        super().__init__()
        self._wrote = wrote

    def setdefault(self, stream: Any, default: Any = None) -> _Table:
        if stream not in self:
            self[stream] = _Table(lambda key, value: self._wrote((stream, key), value))
        return self[stream]


class ReplicaLog(MemoryMessageLog):
    """A head, its tail, and what its region keeps of other streams are one item."""

    def __init__(self, wrote: Wrote) -> None:
        super().__init__()
        self._wrote = wrote
        self._entries: Any = _Streams(lambda key, value: wrote("entries", key, value))
        self._heads: Any = _Table(lambda key, value: self._wrote_head(key))
        self._dedupes: Any = _Table(lambda key, value: wrote("dedupes", key, value))
        self._copies: Any = _Table(lambda key, value: wrote("copies", key, value))

    def take(self, item: Item) -> Any:
        """Take over an item; return what was there before."""
        table, key, value = getattr(self, f"_{item.table}"), item.key, item.value
        if item.table == "entries":
            stream, key = item.key
            table = self._entries.setdefault(stream)
        elif item.table == "heads":
            value, reaches = item.value
            self._reaches.update({(key, region): reach for region, reach in reaches.items()})
            if value is None:
                return None
            self._tails[key] = dict(value.tail)
        before = table.get(key)
        table.take(key, value)
        return before

    def _note_reach(self, stream: Stream, own: Region, more: Reach) -> None:
        super()._note_reach(stream, own, more)
        self._wrote_head((stream[0], own))

    def _wrote_head(self, stream: Stream) -> None:
        reaches = {region: reach for (of, region), reach in self._reaches.items() if of == stream}
        self._wrote("heads", stream, (self._heads.get(stream), reaches))


class ReplicaItems(Items[Any]):
    def __init__(self, wrote: Callable[[Any, Any], None]) -> None:
        super().__init__()
        self._wrote = wrote

    def put(self, partition: str, sort: str, item: Any) -> None:
        super().put(partition, sort, item)
        self._wrote((partition, sort), item)

    def delete(self, partition: str, sort: str) -> Any:
        deleted = super().delete(partition, sort)
        if deleted is not None:
            self._wrote((partition, sort), None)
        return deleted

    def take(self, item: Item) -> Any:
        """Take over an item; return what was there before."""
        partition, sort = item.key
        before = self.get(partition, sort)
        if item.value is None:
            super().delete(partition, sort)
        else:
            super().put(partition, sort, item.value)
        return before


class ReplicaMarkers(MemoryMarkers):
    def __init__(self, wrote: Wrote) -> None:
        super().__init__()
        self._markers: Any = _Table(lambda key, value: wrote("reads", key, value))

    def take(self, item: Item) -> Any:
        """Take over a marker; return what was there before."""
        before = self._markers.get(item.key)
        self._markers.take(item.key, item.value)
        return before


class ReplicaCheckpoints(MemoryCheckpointStore):
    """A checkpoint and the offsets that were used with it are one item."""

    def __init__(self, wrote: Wrote) -> None:
        super().__init__()
        self._wrote = wrote
        self._checkpoints: Any = _Table(lambda key, value: self._report(key))

    def use(self, checkpoint_id: str, offset: str) -> bool:
        used = super().use(checkpoint_id, offset)
        if used:
            self._report(checkpoint_id)
        return used

    def take(self, item: Item) -> Any:
        """Take over a checkpoint; return what was there before."""
        before = self._checkpoints.get(item.key)
        checkpoint, offsets = item.value
        self._checkpoints.take(item.key, checkpoint)
        self._used[item.key] = set(offsets)
        return before

    def _report(self, checkpoint_id: str) -> None:
        offsets = frozenset(self._used.get(checkpoint_id, ()))
        self._wrote("checkpoints", checkpoint_id, (self._checkpoints[checkpoint_id], offsets))


class Replica:
    """The global tables of one region.

    Attributes:
        twins: The twins of the stores that keep them, by the name of the port.
        times: When each item was written last, by whom.

    Args:
        known: All regions, this one first.
        claims: The table of room ids, which one region keeps for all.
        send: Takes each write, and what the region's own stream reports of it.
        later: Lets an index follow.
        reports_own: Whether the log's stream also reports this region's entries.
    """

    def __init__(
        self,
        known: Sequence[Region],
        claims: Items[tuple[UserId, Region]],
        now_us: Callable[[], int],
        send: Callable[[Item, Arrival | None], None],
        later: Later,
        *,
        reports_own: bool = False,
    ) -> None:
        self.region = known[0]
        self._reports_own = reports_own
        self.times: dict[tuple[str, Any], Stamp] = {}
        self._now_us = now_us
        self._send = send
        self._items = {name: ReplicaItems(self._reporting(name)) for name in ITEM_TABLES}
        self._log = ReplicaLog(self._wrote)
        self._markers = ReplicaMarkers(self._wrote)
        self._checkpoints = ReplicaCheckpoints(self._wrote)
        tables = RoomTables(self._items["rooms"], self._items["memberships"], claims)
        self._rooms = LaggingRooms(later, known, tables)
        self.twins: dict[str, Any] = {
            "log": self._log,
            "markers": self._markers,
            "checkpoints": self._checkpoints,
            "rooms": self._rooms,
            "friends": MemoryFriendStore(known, self._items["friends"]),
            "consents": MemoryConsentStore(known, self._items["consents"]),
            "revocations": MemoryRevocationStore(known, self._items["revocations"]),
            "presence": MemoryPresenceStore(self._items["presence"]),
        }

    def take(self, item: Item) -> Arrival | None:
        """Take over another region's write, unless a later one is here.

        Returns:
            What the table's stream reports of it, after the trigger's filter.
        """
        if item.at <= self.times.get((item.table, item.key), (0, Region(""))):
            return None
        self.times[item.table, item.key] = item.at
        if item.table in ITEM_TABLES:
            return self._take_item(item)
        if item.table == "reads":
            room_id, _, _ = item.key
            return ReplicatedMarker(room_id, item.value, self._markers.take(item))
        if item.table == "checkpoints":
            self._checkpoints.take(item)
            return None
        return self._inserted(item) if self._log.take(item) is None else None

    def _inserted(self, item: Item) -> Arrival | None:
        """What the stream of the log's table reports of a new item."""
        if item.table == "entries" and (self._reports_own or item.value.region != self.region):
            arrived: Entry = item.value
            return arrived
        if item.table == "dedupes":
            _, first = item.value
            if first.region != self.region:
                return ReplicatedDedupe(RoomId(item.key[0]), first.region, first.message_id)
        return None

    def _take_item(self, item: Item) -> Arrival | None:
        partition, sort = item.key
        before = self._items[item.table].take(item)
        if item.table == "memberships":
            self._rooms.follow(RoomId(partition), UserId(sort.partition("#")[0]))
        if item.value is None or (item.table == "presence" and _same(before, item.value)):
            return None
        return Replicated(item.table, partition, sort)

    def _reporting(self, table: str) -> Callable[[Any, Any], None]:
        return lambda key, value: self._wrote(table, key, value)

    def _wrote(self, table: str, key: Any, value: Any) -> None:
        before_us, _ = self.times.get((table, key), (-1, self.region))
        at = (max(self._now_us(), before_us + 1), self.region)
        is_new = (table, key) not in self.times
        self.times[table, key] = at
        item = Item(table, key, value, at)
        # Its own streams report what a region keeps for another one.
        self._send(item, self._inserted(item) if is_new else None)


def _same(before: Any, after: Any) -> bool:
    """Whether only what friends were sent differs, which concerns no other region."""
    if before is None:
        return False
    unsaid = {"announced": Status.OFFLINE}
    return bool(replace(before, **unsaid) == replace(after, **unsaid))
