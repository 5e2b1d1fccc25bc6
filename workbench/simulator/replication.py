"""Global tables: each write reaches the other replicas item by item, later, in any order.

The stream of each replica reports what arrives, and the trigger `replicated` runs on it, as in
terraform/modules/app/streams.tf: some batches side by side, an item's records in order, and a batch
that failed again and again.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from chalicelib.model.identifiers import MessageId, Region, RoomId
from chalicelib.model.log import Entry
from chalicelib.model.replication import Arrival

from .injection import FaultPlan, apart_until
from .queues import share
from .replicas import Item, Replica
from .scheduler import Result, Scheduler
from .trace import Trace

BATCH = 100
LANES = 2  # batches of a table at once
STREAM_US = 200_000  # until a record is read
AGAIN_US = 1_000_000
SLOW = 0.1  # of the items take up to `FaultPlan.replication_lag_s`
CALM_LAG_S = 1.2
LATE_US = 25_000_000
PARTS = ("region", "replication", "inbound", "network")  # outages that stop it

Invoke = Callable[[str, dict[str, Any]], Result[Any]]


class Lane:
    """A part of a table's stream: its records are read in order, a batch at a time."""

    def __init__(self, name: str, scheduler: Scheduler, invoke: Invoke) -> None:
        self._name = name
        self._scheduler = scheduler
        self._invoke = invoke
        self._records: list[dict[str, Any]] = []
        self._is_busy = False
        self._made = 0

    def put(self, arrival: Arrival) -> None:
        self._made += 1
        self._records.append({"eventID": f"{self._name}-{self._made}", "arrival": arrival})
        self._read_after(STREAM_US)

    def _read_after(self, us: int) -> None:
        if not self._is_busy and self._records:
            self._is_busy = True
            self._scheduler.after(us, f"{self._name} is read", self._read)

    def _read(self) -> None:
        batch = self._records[:BATCH]
        name = f"{self._name} {batch[0]['eventID'].rpartition('-')[2]}"
        done = self._invoke(name, {"Records": batch})
        done.then(lambda: self._settle(batch, done))

    def _settle(self, batch: list[dict[str, Any]], done: Result[Any]) -> None:
        self._is_busy = False
        try:
            done.value()
        except Exception:  # noqa: BLE001 - the function failed: the same records again
            self._read_after(AGAIN_US)
            return
        del self._records[: len(batch)]
        self._read_after(STREAM_US)


class Replication:
    """
    Attributes:
        replicas: Of each region.
        invoke: Runs the trigger of a region's streams on a batch.
        passed_over: The (region, room, its stream's region) in which an entry was so late that
            delivery goes on without it, which is documented.
        memberships: Each write of a membership and each arrival of one, in order: the region in
            which it happened, and the item.
        arrived: When each entry was first in each region (us).
    """

    def __init__(self, scheduler: Scheduler, fault_plan: FaultPlan, trace: Trace) -> None:
        self._scheduler = scheduler
        self._fault_plan = fault_plan
        self._trace = trace
        self._is_running = False
        self.replicas: dict[Region, Replica] = {}
        self.invoke: dict[Region, Invoke] = {}
        self.passed_over: set[tuple[Region, RoomId, Region]] = set()
        self.memberships: list[tuple[Region, Item]] = []
        self.arrived: dict[tuple[Region, MessageId], int] = {}
        self._lanes: dict[tuple[Region, str, int], Lane] = {}
        self._writes: dict[str, int] = {}
        self._newest: dict[tuple[Region, RoomId, Region], dict[int, int]] = {}

    def start(self) -> None:
        """From now on writes take their time; until now they were everywhere at once."""
        self._is_running = True

    def send(self, item: Item, reported: Arrival | None) -> None:
        """Bring a write to all other regions.

        Args:
            reported: What the stream of the region that wrote it reports.
        """
        self._note(item.at[1], item)
        if reported is not None and self._is_running:
            self._report(item, reported, item.at[1])
        for region in self.replicas:
            if region == item.at[1]:
                continue
            if self._is_running:
                self._after(self._delay_us(item, region), item, region)
            else:
                self._take(item, region)

    def _after(self, us: int, item: Item, to: Region) -> None:
        what = f"{item.table} {item.key} to {to}"
        self._scheduler.after(us, what, functools.partial(self._arrive, item, to))

    def _arrive(self, item: Item, to: Region) -> None:
        heals_s = self._apart_until(item.at[1], to)
        if heals_s is not None:
            us = int(heals_s * 1e6) - self._scheduler.now_us
            self._after(us + self._delay_us(item, to), item, to)
            return
        arrival = self._take(item, to)
        if self._trace.is_kept:
            self._trace.note(f"replicated to {to}: {item.table} {item.key}")
        if arrival is not None:
            self._report(item, arrival, to)

    def _report(self, item: Item, arrival: Arrival, to: Region) -> None:
        """Put what arrived into the stream of its table."""
        if isinstance(arrival, Entry):
            self._watch(arrival, to)
        lane = zlib.crc32(str(item.key).encode()) % LANES
        self._lane(to, _table(item.table), lane).put(arrival)

    def _take(self, item: Item, to: Region) -> Arrival | None:
        replica = self.replicas[to]
        arrival = replica.take(item)
        if replica.times[item.table, item.key] == item.at:
            self._note(to, item)
        return arrival

    def _note(self, region: Region, item: Item) -> None:
        if item.table == "memberships":
            self.memberships.append((region, item))
        elif item.table == "entries":
            self.arrived.setdefault((region, item.key[1]), self._scheduler.now_us)

    def _lane(self, region: Region, table: str, number: int) -> Lane:
        key = (region, table, number)
        if key not in self._lanes:
            name = f"stream {table}/{number}"
            self._lanes[key] = Lane(name, self._scheduler, self.invoke[region])
        return self._lanes[key]

    def _watch(self, entry: Entry, to: Region) -> None:
        """Note a stream of which an entry comes long after those that follow it."""
        stream = (to, entry.room_id, entry.region)
        arrived = self._newest.setdefault(stream, {})
        arrived[entry.seq] = self._scheduler.now_us
        following = [us for seq, us in arrived.items() if seq > entry.seq]
        if following and self._scheduler.now_us - min(following) > LATE_US:
            self.passed_over.add(stream)

    def _apart_until(self, origin: Region, to: Region) -> float | None:
        """When what parts two regions ends; None if nothing does."""
        now_s = self._scheduler.now_us / 1e6
        return apart_until(self._fault_plan, PARTS, now_s, origin, to)

    def _delay_us(self, item: Item, to: Region) -> int:
        """How long the item is on its way, whatever else happens in the run."""
        name = f"{self._scheduler.seed} {item.table} {_place(item)} {item.at[1]} {to}"
        count = self._writes[name] = self._writes.get(name, 0) + 1
        draw = share(f"{name} {count}")
        is_calm = self._scheduler.now_us >= self._fault_plan.calm_s * 1e6
        longest_s = CALM_LAG_S
        if draw < SLOW and not is_calm:
            longest_s = self._fault_plan.replication_lag_s
        again = share(f"{count} {name}")
        return int((0.05 + longest_s * again) * 1e6)


def _place(item: Item) -> object:
    """A name of an item that does not contain the time: a message id does."""
    return (item.key[0], item.value.seq) if item.table == "entries" else item.key


def _table(kind: str) -> str:
    return "messages" if kind in ("entries", "dedupes") else kind


def differences(replicas: Mapping[Region, Replica], lost: Collection[Region] = ()) -> list[str]:
    """Items that are not the same everywhere.

    Args:
        lost: Regions whose writes may have come to some of the others only.
    """
    times = [replica.times for replica in replicas.values()]
    found = []
    for key in sorted({key for each in times for key in each}, key=str):
        stamps = {each.get(key) for each in times}
        if len(stamps) > 1 and not any(each is not None and each[1] in lost for each in stamps):
            found.append(str(key))
    return found
