"""Leases of the shared budget, and the pace without the cache."""

from __future__ import annotations

from chalicelib.kernel.errors import CacheDown
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import RoomId
from tests.support.fake_gateway import FakeGateway, Make, post
from tests.support.world import FakeClock


class Budget:
    """Records what was asked for, grants as told."""

    def __init__(self, *grants: int, then: int = 0) -> None:
        self.asked: list[int] = []
        self._grants, self._then = list(grants), then

    def __call__(self, wanted: int, room_id: RoomId | None) -> int:
        self.asked.append(wanted)
        return self._grants.pop(0) if self._grants else self._then


def some(status: str, count: int) -> list[Post]:
    return [post(f"{status}-{number}") for number in range(count)]


def test_a_short_budget_sends_what_it_grants_and_waits_for_more(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    budget, start_ms = Budget(3, 0, 0, 2), clock.ms
    outcomes = make(gateway, concurrency=1, budget=budget).post(some("200", 5))
    assert outcomes == [Outcome.DELIVERED] * 5
    assert len(budget.asked) == 4
    assert clock.ms - start_ms < 100


def test_an_exhausted_budget_refuses_the_rest_after_two_seconds(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    start_ms = clock.ms
    poster = make(gateway, budget=Budget(2))
    outcomes = poster.post(some("410", 5))
    assert outcomes == [Outcome.GONE] * 2 + [Outcome.UNSENT] * 3
    assert len(gateway.requests) == 2
    assert poster.counts == {410: 2, "no_budget": 3}
    assert 1900 <= clock.ms - start_ms <= 2100


def test_who_is_in_a_hurry_does_not_wait_for_the_budget(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    budget, start_ms = Budget(2), clock.ms
    outcomes = make(gateway, budget=budget).post(some("200", 5), within_ms=500)
    assert outcomes == [Outcome.DELIVERED] * 2 + [Outcome.UNSENT] * 3
    assert (len(budget.asked), clock.ms) == (2, start_ms)


def test_leftovers_of_a_lease_last_a_second(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    budget = Budget(then=4)
    poster = make(gateway, budget=budget)
    poster.post([post("200-")])
    clock.ms += 999
    poster.post([post("200-")])
    assert budget.asked == [1]
    clock.ms += 1
    poster.post([post("200-")])
    assert len(budget.asked) == 2


def test_a_busy_process_leases_ahead_a_quiet_one_what_it_needs(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    asked: list[int] = []

    def grant_all(wanted: int, room_id: RoomId | None) -> int:
        asked.append(wanted)
        return wanted

    poster = make(gateway, budget=grant_all)
    for _ in range(8):
        poster.post([post("200-")])
    assert asked == [1, 1, 2, 4]
    clock.ms += 1000
    poster.post([post("200-")])
    assert asked[-1] == 1


def test_without_the_cache_a_local_bucket_sets_the_pace(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    def away(wanted: int, room_id: RoomId | None) -> int:
        raise CacheDown("away")

    poster = make(gateway, budget=away, fallback_per_s=10)
    outcomes = poster.post(some("200", 100))
    sent = outcomes.count(Outcome.DELIVERED)
    assert sent == len(gateway.requests)
    assert 10 + 10 <= sent <= 10 + 10 * (clock.ms - FakeClock().ms) / 1000


def test_without_the_cache_the_budget_is_a_slower_pace(gateway: FakeGateway, make: Make) -> None:
    def away(wanted: int, room_id: RoomId | None) -> int:
        raise CacheDown("away")

    outcomes = make(gateway, budget=away).post(some("200", 25))
    assert set(outcomes) == {Outcome.DELIVERED}
