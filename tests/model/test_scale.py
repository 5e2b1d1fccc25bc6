"""Walls: which quota is reached first, and by how many users."""

from __future__ import annotations

import pytest

from operate.cost import Usage, load, monthly
from operate.cost.model import loads
from workbench.model import scale


def test_demand_grows_with_users_and_walls_come_in_order() -> None:
    quotas, prices = scale.load(), load()
    small, large = (scale.scale(users, prices, quotas) for users in (100_000, 1_000_000))
    for one, ten in zip(small.walls, large.walls, strict=True):
        assert one.quota == ten.quota
        assert ten.demand == pytest.approx(10 * one.demand, rel=0.01)
        assert one.at_users == pytest.approx(ten.at_users, rel=0.01)
    times = [wall.times for wall in large.walls]
    assert times == sorted(times, reverse=True)
    assert not small.to_raise
    assert [wall for wall in large.walls if wall.times > 1] == list(large.to_raise)


def test_a_wall_is_where_its_quota_is_used_up() -> None:
    quotas, prices = scale.load(), load()
    first = scale.scale(1_000_000, prices, quotas).walls[0]
    there = scale.scale(first.at_users, prices, quotas).walls[0]
    assert there.quota == first.quota
    assert there.times == pytest.approx(1, rel=0.01)


def test_every_quota_has_a_demand_and_every_demand_a_quota() -> None:
    quotas = scale.load()
    found = scale.demands(Usage(users=1000), quotas.peak)
    assert {each.demand for each in quotas.quotas} == set(found)


def test_the_bill_is_that_of_tidings_cost() -> None:
    given = scale.scale(100_000, load(), scale.load())
    assert given.usd == pytest.approx(
        sum(line.usd for line in monthly(Usage(users=100_000), load()))
    )


def test_what_functions_do_in_a_month() -> None:
    usage = Usage(users=1000)
    frames, deliver = loads(usage)["websocket_message"], loads(usage)["deliver"]
    assert frames.frames == frames.times
    for name, load_ in (("websocket_message", frames), ("deliver", deliver)):
        billed_ms = usage.functions[name][1]
        expected_ms = load_.times * billed_ms + load_.posts * usage.post_ms
        assert load_.busy_ms == pytest.approx(expected_ms)
    assert loads(Usage(users=2000))["deliver"].posts == pytest.approx(2 * deliver.posts)
