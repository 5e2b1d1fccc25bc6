"""The contract of `ports.Drains`."""

from __future__ import annotations

from chalicelib.model.draining import Drain
from tests.support.stores import NOW, RACERS, Stores
from tests.support.threads import at_once


class TestDrains:
    def test_there_is_none_until_one_is_started_and_none_after_its_end(
        self, stores: Stores
    ) -> None:
        assert stores.drains.get() is None
        assert stores.drains.start(NOW, 60_000) == Drain(NOW, 60_000)
        assert stores.drains.get() == Drain(NOW, 60_000)
        stores.drains.stop()
        stores.drains.stop()
        assert stores.drains.get() is None

    def test_a_second_start_changes_its_time_only(self, stores: Stores) -> None:
        stores.drains.start(NOW, 60_000)
        assert stores.drains.start(NOW + 5, 0) == Drain(NOW, 0)
        assert stores.drains.get() == Drain(NOW, 0)

    def test_a_turn_is_taken_once_and_again_when_it_is_due(self, stores: Stores) -> None:
        drain = stores.drains.start(NOW, 0)
        assert stores.drains.take_turn(drain, 7, NOW, NOW + 10)
        assert not stores.drains.take_turn(drain, 7, NOW + 9, NOW + 19)
        assert stores.drains.take_turn(drain, 8, NOW + 9, NOW + 19), "a bucket has its own"
        assert stores.drains.take_turn(drain, 7, NOW + 10, NOW + 20)
        stores.drains.start(NOW + 11, 60_000)
        assert not stores.drains.take_turn(drain, 7, NOW + 12, NOW + 30), "kept over a start"

    def test_one_of_many_gets_a_turn(self, stores: Stores) -> None:
        drain = stores.drains.start(NOW, 0)
        taken = at_once(RACERS, lambda _: stores.drains.take_turn(drain, 7, NOW, NOW + 10))
        assert sorted(taken) == [False] * (RACERS - 1) + [True]

    def test_a_drain_that_has_ended_has_no_turns(self, stores: Stores) -> None:
        first = stores.drains.start(NOW, 0)
        assert stores.drains.take_turn(first, 7, NOW, NOW + 10)
        stores.drains.stop()
        assert not stores.drains.take_turn(first, 7, NOW + 20, NOW + 30)
        assert stores.drains.get() is None, "a turn makes no drain"
        second = stores.drains.start(NOW + 5, 0)
        assert not stores.drains.take_turn(first, 7, NOW + 20, NOW + 30)
        assert stores.drains.take_turn(second, 7, NOW + 5, NOW + 15), "its turns are its own"

    def test_it_is_no_connection(self, stores: Stores) -> None:
        drain = stores.drains.start(NOW, 0)
        stores.drains.take_turn(drain, 0, NOW, NOW + 10)
        stores.connections.index_all(NOW)
        buckets = range(64)
        assert not [each for bucket in buckets for each in stores.connections.in_bucket(bucket)]
        assert not list(stores.connections.due(list(buckets), NOW + 10**9))
