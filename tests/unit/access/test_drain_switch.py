"""The drain switch: how often the store is asked, and what holds while it does not answer."""

from __future__ import annotations

from chalicelib.access.drain_switch import KNOWN_MS, DrainSwitch
from chalicelib.adapters.memory import MemoryDrains
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.draining import Drain
from tests.support.world import START_MS, FakeClock


class Asked(MemoryDrains):
    def __init__(self) -> None:
        super().__init__()
        self.reads, self.away = 0, False

    def get(self) -> Drain | None:
        self.reads += 1
        if self.away:
            raise Unavailable("away")
        return super().get()


def test_it_is_read_once_in_a_while() -> None:
    clock, drains = FakeClock(), Asked()
    switch = DrainSwitch(drains, clock, usable=True)
    assert [switch.current() for _ in range(100)] == [None] * 100
    assert drains.reads == 1
    drain = drains.start(START_MS, 0)
    clock.ms += KNOWN_MS - 1
    assert switch.current() is None
    clock.ms += 1
    assert switch.current() == switch.known == drain
    assert drains.reads == 2


def test_while_it_cannot_be_read_the_last_one_known_holds() -> None:
    clock, drains = FakeClock(), Asked()
    switch = DrainSwitch(drains, clock, usable=True)
    drains.away = True
    assert switch.current() is None
    drains.away = False
    drain = drains.start(START_MS, 0)
    assert switch.current() == drain
    drains.away = True
    clock.ms += KNOWN_MS
    assert switch.current() == drain


def test_with_one_region_nothing_is_read() -> None:
    drains = Asked()
    drains.start(START_MS, 0)
    assert DrainSwitch(drains, FakeClock(), usable=False).current() is None
    assert drains.reads == 0
