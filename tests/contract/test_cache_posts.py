"""The contract of `ports.Cache`: the shared rate budget of posts."""

from __future__ import annotations

import random

from tests.support.cache import Rig
from tests.support.threads import together


class TestBudget:
    def test_a_second_s_rate_at_once_then_as_time_passes(self, rig: Rig) -> None:
        lease, now_ms = rig.cache.lease_posts, 1_800_000_000_000
        assert [lease(6, 10, now_ms), lease(6, 10, now_ms), lease(6, 10, now_ms)] == [6, 4, 0]
        assert lease(6, 10, now_ms + 250) == 2
        assert lease(6, 10, now_ms + 300) == 1
        assert lease(99, 10, now_ms + 60_000) == 10

    def test_a_clock_behind_gains_nothing(self, rig: Rig) -> None:
        lease, now_ms = rig.cache.lease_posts, 1_800_000_000_000
        assert lease(10, 10, now_ms) == 10
        assert lease(10, 10, now_ms - 5000) == 0
        assert lease(10, 10, now_ms) == 0

    def test_no_window_exceeds_the_rate(self, rig: Rig) -> None:
        chance, rate, now_ms = random.Random(7), 37, 1_800_000_000_000
        taken: list[tuple[int, int]] = []
        for _ in range(400):
            now_ms += chance.choice([0, 1, 3, 11, 90, 700])
            taken.append((now_ms, rig.cache.lease_posts(chance.randint(0, 30), rate, now_ms)))
        for first, (from_ms, _) in enumerate(taken):
            total = 0
            for at_ms, granted in taken[first:]:
                total += granted
                assert total <= rate + (at_ms - from_ms) * rate / 1000 + 1e-6

    def test_many_threads_share_it(self, rig: Rig) -> None:
        now_ms = 1_800_000_000_000
        assert sum(together([lambda: rig.cache.lease_posts(10, 85, now_ms)] * 16)) == 85
