"""Which of its two meanings a 429 has."""

from __future__ import annotations

import pytest

from chalicelib.model.delivery import Outcome
from tests.support.fake_gateway import FakeGateway, Make, post
from tests.support.world import FakeClock


def test_many_429s_at_once_are_the_account_s(gateway: FakeGateway, make: Make) -> None:
    """Those before the fifth may still be their clients' own."""
    outcomes = make(gateway, concurrency=1).post([post(f"429-{n}") for n in range(7)])
    assert outcomes == [Outcome.THROTTLED] * 4 + [Outcome.BUSY] * 3


@pytest.mark.parametrize(
    "names",
    [
        ["429-one"] * 20,
        [*(f"200-{n}" for n in range(21)), *(f"429-{n}" for n in range(20))],
    ],
    ids=["one client's", "fewer than half"],
)
def test_other_429s_are_of_clients_that_read_slowly(
    gateway: FakeGateway, make: Make, names: list[str]
) -> None:
    outcomes = make(gateway, concurrency=1).post([post(name) for name in names])
    assert Outcome.BUSY not in outcomes


def test_what_was_refused_a_second_ago_says_nothing_now(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    poster = make(gateway, concurrency=1)
    assert Outcome.BUSY not in poster.post([post(f"429-{n}") for n in range(4)])
    clock.ms += 1_000
    assert poster.post([post("429-4")]) == [Outcome.THROTTLED]
