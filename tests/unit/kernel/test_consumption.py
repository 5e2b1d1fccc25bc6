"""Consumption: what a request was charged in request units, and the tokens that it owes for it."""

from __future__ import annotations

import contextvars
import threading

import pytest

from chalicelib.access.limits import Limits
from chalicelib.kernel import consumption
from chalicelib.kernel.errors import RateLimited, Unavailable
from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from chalicelib.model.identifiers import UserId
from tests.support.world import World

ALICE = UserId("alice")


def test_nothing_is_counted_outside_of_a_request() -> None:
    consumption.add(reads=1_000)
    with consumption.counted() as consumed:
        pass
    consumption.add(reads=1_000)
    assert consumed.owed == 0


def test_what_each_request_may_use_is_free() -> None:
    with consumption.counted() as consumed:
        consumption.add(reads=30)
        consumption.add(reads=20)
        consumption.add(writes=20)
    assert consumed.owed == 0


def test_a_unit_written_costs_five_read() -> None:
    with consumption.counted() as reading:
        consumption.add(reads=consumption.FREE_READS + 100)
    with consumption.counted() as writing:
        consumption.add(writes=consumption.FREE_WRITES + 20)
    assert (reading.owed, writing.owed) == (10, 10)


def test_threads_of_a_request_add_to_its_count() -> None:
    with consumption.counted() as consumed:
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(consumption.add, 150))
        thread.start()
        thread.join(10)
        with consumption.counted() as other:
            consumption.add(reads=60)
    assert (consumed.owed, other.owed) == (10, 1)


def limited(**rates: Rate) -> World:
    return World(limits={**DEFAULT_LIMITS, **rates})


def test_what_is_owed_is_taken_from_the_bucket() -> None:
    world = limited(**{"*": Rate(10, 10)})
    limits = world.services.limits
    limits.spend(ALICE, "http")
    with limits.metered(ALICE, "http"):
        consumption.add(reads=consumption.FREE_READS + 300)
    with pytest.raises(RateLimited) as refusal:
        limits.spend(ALICE, "http")
    assert refusal.value.retry_after_ms == 2_200, "it had nine tokens, owes thirty, and wants one"
    world.clock.ms += 2_200
    limits.spend(ALICE, "http")


def _fail(limits: Limits) -> None:
    with limits.metered(ALICE, "http"):
        consumption.add(writes=1_000_000)
        raise Unavailable("the store did not answer")


def test_also_of_a_request_that_fails_and_never_more_than_some_bursts() -> None:
    world = limited(**{"*": Rate(10, 10)})
    with pytest.raises(Unavailable):
        _fail(world.services.limits)
    world.clock.ms += 4_100
    world.services.limits.spend(ALICE, "http")


def test_a_message_owes_nothing_as_its_room_pays() -> None:
    limits = limited(send_message=Rate(10, 10)).services.limits
    with limits.metered(ALICE, "send_message"):
        consumption.add(writes=144)  # of 24 senders, which one of them commits
    for _ in range(10):
        limits.spend(ALICE, "send_message")


def test_a_message_costs_a_token_for_8_kb_and_one_for_each_further_kb() -> None:
    sizes = (0, 1, 8 * 1024, 8 * 1024 + 1, 9 * 1024, 64 * 1024)
    assert [consumption.tokens_to_write(size) for size in sizes] == [1, 1, 1, 2, 2, 57]


def test_posts_cost_a_token_for_a_hundred_beyond_the_first_thousand() -> None:
    counts = (0, 100, 1_000, 1_100, 10_000)
    assert [consumption.tokens_to_post(100, count) for count in counts] == [0, 0, 0, 1, 90]
    assert [consumption.tokens_to_post(64 * 1024, count) for count in counts] == [0, 0, 70, 78, 790]
