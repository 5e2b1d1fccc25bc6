"""The replicas of global tables: later writes win, in whatever order they come."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.adapters.memory.items import Items
from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.receipts import Marker
from workbench.simulator.injection import FaultPlan, Outage
from workbench.simulator.replicas import Replica
from workbench.simulator.replication import Lane, Replication, differences
from workbench.simulator.scheduler import Died, Result, Scheduler
from workbench.simulator.trace import Trace

US, EU = Region("us-east-1"), Region("eu-west-1")
ANN, ROOM = UserId("ann"), RoomId("red")


class Regions:
    """Two replicas, and what their streams reported."""

    def __init__(self, *outages: Outage) -> None:
        self.scheduler = Scheduler(1)
        fault_plan = FaultPlan(outages=outages, calm_s=100)
        self.replication = Replication(self.scheduler, fault_plan, Trace(lambda: 0))
        self.reported: list[Any] = []
        for known in ((US, EU), (EU, US)):
            replica = Replica(
                known,
                Items(),
                lambda: self.scheduler.now_us,
                self.replication.send,
                lambda follow: follow(),
            )
            self.replication.replicas[known[0]] = replica
            self.replication.invoke[known[0]] = self._invoke
        self.replication.start()

    def revoke(self, region: Region, until_ms: int) -> None:
        self.replication.replicas[region].twins["revocations"].put(ANN, until_ms)

    def move(self, region: Region, seq: int) -> None:
        """Both regions write the same item, which no store of the product does."""
        markers = self.replication.replicas[region].twins["markers"]
        markers._markers[ROOM, ANN, US] = Marker(ANN, f"{seq:026}", seq)

    def marker(self, region: Region) -> int:
        markers = self.replication.replicas[region].twins["markers"]
        return int(markers.of_user(ANN, [ROOM], [US])[ROOM].read_ms)

    def run(self, until_s: float) -> None:
        self.scheduler.run(int(until_s * 1e6), 10_000)

    def _invoke(self, name: str, event: dict[str, Any]) -> Result[None]:
        done: Result[None] = Result()
        self.reported += [record["arrival"] for record in event["Records"]]
        done.give(None)
        return done


def test_what_a_region_writes_is_in_the_other_one_later_and_is_reported_once() -> None:
    regions = Regions()
    regions.revoke(US, 5)
    other = regions.replication.replicas[EU].twins["revocations"]
    assert other.until_ms(ANN) == 0
    regions.run(30)
    assert other.until_ms(ANN) == 5
    assert [each.table for each in regions.reported] == ["revocations"]
    assert differences(regions.replication.replicas) == []


@pytest.mark.parametrize("first", [US, EU])
def test_the_later_write_wins_in_both_regions(first: Region) -> None:
    regions = Regions()
    second = EU if first == US else US
    regions.move(first, 1)
    regions.run(0.000_001)
    regions.move(second, 2)
    regions.run(30)
    assert regions.marker(US) == regions.marker(EU) == 2


def test_several_writes_to_an_item_may_overtake_each_other() -> None:
    regions = Regions()
    for number in range(1, 40):
        regions.move(US, number)
        regions.run(number / 10)
    regions.run(60)
    assert regions.marker(EU) == 39
    assert 0 < len(regions.reported) < 39, "what comes after a later write is dropped"


@pytest.mark.parametrize(
    ("service", "region", "parted"),
    [
        ("replication", US, True),
        ("replication", EU, True),
        ("inbound", EU, True),
        ("inbound", US, False),
        ("region", EU, True),
    ],
)
def test_a_partition_keeps_items_until_it_has_healed(
    service: str, region: Region, parted: bool
) -> None:
    regions = Regions(Outage(service, 0, 50, region))
    regions.revoke(US, 5)
    other = regions.replication.replicas[EU].twins["revocations"]
    regions.run(49)
    assert (other.until_ms(ANN) == 0) is parted
    regions.run(80)
    assert other.until_ms(ANN) == 5


def test_a_batch_that_failed_is_read_again_before_what_follows() -> None:
    scheduler = Scheduler(1)
    batches: list[list[Any]] = []

    def invoke(name: str, event: dict[str, Any]) -> Result[None]:
        batches.append([record["arrival"] for record in event["Records"]])
        done: Result[None] = Result()
        if len(batches) == 1:
            done.fail(Died())
        else:
            done.give(None)
        return done

    lane: Any = Lane("stream", scheduler, invoke)
    lane.put("a")
    scheduler.run(300_000, 100)
    lane.put("b")
    scheduler.run(5_000_000, 100)
    assert batches == [["a"], ["a", "b"]]
