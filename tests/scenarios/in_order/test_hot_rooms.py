"""A room in which many write at once, while leaders and Redis die."""

from __future__ import annotations

import copy
from functools import partial

import pytest

from tests.support.crowds import Crowd, die

SENDERS = 60


@pytest.fixture
def crowd() -> Crowd:
    return Crowd(SENDERS)


def test_many_write_at_once_with_few_transactions(crowd: Crowd) -> None:
    crowd.send()
    crowd.check()
    assert not crowd.refusals, "acked at the first try"
    assert crowd.log.transactions <= 1.5 * SENDERS


def test_leaders_die_before_and_after_their_transactions(crowd: Crowd) -> None:
    crowd.log.before = dict.fromkeys((2, 5), die)
    crowd.log.afterwards = dict.fromkeys((1, 3, 4), die)
    crowd.send()
    crowd.check()
    assert set(crowd.refusals) <= {"killed"}, "nobody else hears of it"


def test_redis_loses_everything_in_between(crowd: Crowd) -> None:
    crowd.log.before = dict.fromkeys((2, 3), crowd.cache.flush)
    crowd.log.afterwards = dict.fromkeys((4, 5), crowd.cache.flush)
    crowd.send()
    crowd.check()


def test_redis_goes_away_and_comes_back(crowd: Crowd) -> None:
    crowd.log.before = {2: partial(setattr, crowd.cache, "down", True)}
    crowd.log.afterwards = {40: partial(setattr, crowd.cache, "down", False)}
    crowd.send()
    crowd.check()


def test_redis_comes_back_as_it_was_before(crowd: Crowd) -> None:
    """An old head, an old lease, and drafts that are in the log already."""
    kept = []

    def keep() -> None:
        kept.append(copy.deepcopy(crowd.cache._state))

    def restore() -> None:
        crowd.cache._state = copy.deepcopy(kept[0])

    crowd.log.before = {2: keep}
    crowd.log.afterwards = dict.fromkeys((3, 5), restore)
    crowd.send()
    crowd.check()


def test_all_of_it_together(crowd: Crowd) -> None:
    crowd.log.before = {3: crowd.cache.flush, 4: die, 7: crowd.cache.flush}
    crowd.log.afterwards = {2: die, 5: die, 6: crowd.cache.flush}
    crowd.send()
    crowd.check()
