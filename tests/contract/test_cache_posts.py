"""The contract of `ports.PostBudget`: the shared rate budget of posts, and what became of posts.

The bucket runs on the server's clock. So tests count what it may have gained meanwhile.
"""

from __future__ import annotations

import pytest

from tests.support.cache import OTHER, ROOM, Rig
from tests.support.threads import together

RATE = 1_000


class Bucket:
    """Leases of one budget; `gained` is the most that it may have gained since it was made."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._start_ms = self._now_ms()

    @property
    def gained(self) -> float:
        return (self._now_ms() - self._start_ms + 1) * RATE / 1000

    def _now_ms(self) -> float:
        if not self._rig.nodes:
            return self._rig.clock.ms
        seconds, micros = self._rig.nodes[0].time()
        return float(seconds * 1000 + micros / 1000)


class TestBudget:
    def test_a_second_s_rate_at_once(self, rig: Rig) -> None:
        bucket = Bucket(rig)
        granted = [rig.cache.lease_posts(600, RATE) for _ in range(3)]
        assert granted[0] == 600
        assert RATE <= sum(granted) <= RATE + bucket.gained

    def test_it_gains_as_time_passes(self, rig: Rig) -> None:
        assert rig.cache.lease_posts(RATE, RATE) == RATE
        rig.wait(60)
        assert rig.cache.lease_posts(2 * RATE, RATE) == RATE

    def test_many_threads_share_it(self, rig: Rig) -> None:
        bucket = Bucket(rig)
        granted = sum(together([lambda: rig.cache.lease_posts(100, RATE)] * 16))
        assert RATE <= granted <= RATE + bucket.gained

    @pytest.mark.parametrize("backend", ["valkey", "cluster"], indirect=True)
    def test_a_caller_whose_clock_is_ahead_costs_the_others_nothing(self, rig: Rig) -> None:
        """Earlier versions store their own time, and run beside this one in a deployment."""
        node = rig.node_of("posts:budget")
        seconds, _ = node.time()
        ahead = {"level": 5, "at": (seconds + 3_600) * 1000}
        node.hset("posts:budget", mapping=ahead)
        assert rig.cache.lease_posts(1, RATE) == 1
        assert int(node.hget("posts:budget", "at")) <= (node.time()[0] + 1) * 1000

    def test_a_loud_room_leaves_the_others_their_shares(self, rig: Rig) -> None:
        bucket = Bucket(rig)
        loud = sum(rig.cache.lease_posts(RATE, RATE, ROOM) for _ in range(5))
        assert loud <= RATE / 2 + bucket.gained
        assert rig.cache.lease_posts(RATE // 10, RATE, OTHER) == RATE // 10
        assert rig.cache.lease_posts(RATE // 10, RATE) == RATE // 10

    def test_a_room_alone_gets_all_that_the_budget_gains(self, rig: Rig) -> None:
        first = rig.cache.lease_posts(RATE, RATE, ROOM)
        assert first >= RATE / 2
        rig.wait(60)
        assert rig.cache.lease_posts(RATE, RATE, ROOM) >= RATE / 2

    def test_a_room_within_its_share_may_empty_the_budget(self, rig: Rig) -> None:
        bucket = Bucket(rig)
        taken = rig.cache.lease_posts(RATE - 50, RATE)
        taken += rig.cache.lease_posts(100, RATE, ROOM)
        assert RATE <= taken <= RATE + bucket.gained


class TestOutcomes:
    def test_nine_of_ten_must_be_taken(self, rig: Rig) -> None:
        assert rig.cache.posts_pass()
        rig.cache.note_posts(0, 1)
        assert not rig.cache.posts_pass()
        rig.cache.note_posts(8, 0)
        assert not rig.cache.posts_pass()
        rig.cache.note_posts(1, 0)
        assert rig.cache.posts_pass()

    def test_they_are_forgotten(self, rig: Rig) -> None:
        rig.cache.note_posts(0, 100)
        rig.wait(21)
        assert rig.cache.posts_pass()


class TestTallies:
    def test_it_counts_until_it_is_forgotten(self, rig: Rig) -> None:
        assert [rig.cache.tally("x", 60), rig.cache.tally("x", 60)] == [1, 2]
        assert rig.cache.tally("y", 60) == 1
        rig.cache.forget("x")
        assert rig.cache.tally("x", 60) == 1

    def test_it_is_forgotten_after_its_time_without_a_call(self, rig: Rig) -> None:
        rig.cache.tally("x", 60)
        rig.wait(59)
        assert rig.cache.tally("x", 60) == 2
        rig.wait(61)
        assert rig.cache.tally("x", 60) == 1
