"""Leases: who waits for whom, and what a cursor refuses."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.kernel.errors import CacheDown, Unavailable
from chalicelib.messaging.holding import Held, Holding
from chalicelib.model.delivery import Cursor, Lease
from chalicelib.model.identifiers import UserId
from tests.support.cache import entry
from tests.support.deliveries import HERE, LOBBY
from tests.support.world import World

STREAM = (LOBBY, HERE)


def holding(world: World, *, is_needed: bool = True) -> Holding:
    return Holding(world.cache, world.clock, world.ids, is_needed=is_needed)


def test_a_cursor_that_has_passed_the_entry_needs_no_lease() -> None:
    world = World()
    trips = world.cache.round_trips
    assert holding(world).wait(STREAM, lambda: Cursor(7), 7, "t") == (Cursor(7), None)
    assert world.cache.round_trips == trips


@pytest.mark.parametrize("stream", [None, STREAM])
def test_nor_does_what_only_a_worker_delivers(stream: tuple[str, str] | None) -> None:
    world = World()
    found = holding(world, is_needed=stream is None)
    assert found.wait(stream, lambda: Cursor(6), 7, "t") == (Cursor(6), None)  # type: ignore[arg-type]


def test_a_cursor_that_may_have_moved_before_the_lease_is_read_again() -> None:
    world = World()
    reads = iter([Cursor(6), Cursor(7)])
    cursor, held = holding(world).wait(STREAM, lambda: next(reads), 7, "t")
    assert (cursor.seq, held is not None) == (7, True)
    holding(world).give_up(held, 7)
    reads = iter([Cursor(7)])
    cursor, held = holding(world).wait(STREAM, lambda: next(reads), 8, "t")
    assert (cursor.seq, held is not None) == (7, True)


def test_a_worker_waits_for_a_sender_and_reads_again() -> None:
    world = World()
    world.cache.take_lease(STREAM, "sender", 1_000)
    cursors = [Cursor(6)] * 3 + [Cursor(7)]
    began_ms = world.clock.ms
    cursor, held = holding(world).wait(STREAM, lambda: cursors.pop(0), 7, "t")
    assert (cursor, held) == (Cursor(7), None)
    assert world.clock.ms - began_ms == 150


def test_a_worker_waits_as_long_as_a_sender_can_have_the_lease() -> None:
    world = World()
    taken = holding(world).try_lane([entry(1)], [UserId("alice")], world.settings.fast_lane_ms)
    assert taken is not None
    began_ms, (_, sender) = world.clock.ms, taken
    assert sender.writes_until_ms is not None
    _, held = holding(world).wait(sender.stream, lambda: Cursor(0), 1, "t")
    assert held is not None
    assert world.clock.ms >= sender.writes_until_ms + 2_000, "posts last two seconds"
    assert world.clock.ms - began_ms <= 4_000


def test_it_does_not_wait_for_another_worker() -> None:
    world = World()
    world.cache.take_lease(STREAM, "worker", 15_000)
    with pytest.raises(Unavailable):
        holding(world).wait(STREAM, lambda: Cursor(6), 7, "t")


def test_without_redis_it_goes_on_with_the_number_of_the_cursor() -> None:
    world = World()
    world.cache.down = True
    assert holding(world).wait(STREAM, lambda: Cursor(6, fence=5), 7, "t") == (
        Cursor(6, fence=5),
        None,
    )


def test_its_number_is_never_below_that_of_the_cursor() -> None:
    world = World()
    ahead = world.clock.ms * 1_000_000
    cursor, _ = holding(world).wait(STREAM, lambda: Cursor(6, fence=ahead), 7, "t")
    assert cursor.fence == ahead


def test_a_lease_that_cannot_be_given_up_ends_by_itself() -> None:
    world = World()
    _, held = holding(world).wait(STREAM, lambda: Cursor(6), 7, "t")
    assert isinstance(held, Held)
    world.cache.down = True
    holding(world).give_up(held, 7)
    holding(world).give_up(None, 7)


def test_a_lease_is_given_up_if_the_cursor_cannot_be_read_under_it() -> None:
    world = World()
    reads = iter([Cursor(6)])

    def read() -> Cursor:
        for cursor in reads:
            return cursor
        raise Unavailable("the store is away")

    with pytest.raises(Unavailable):
        holding(world).wait(STREAM, read, 7, "t")
    assert isinstance(world.cache.take_lease(STREAM, "another", 1), Lease)


def test_a_job_s_next_run_has_the_lease_that_its_last_one_could_not_give_up() -> None:
    world = World()
    found = holding(world)
    _, held = found.wait(STREAM, lambda: Cursor(6), 47, "t")
    world.cache.down = True
    found.give_up(held, 26)
    world.cache.down = False
    cursor, held = found.wait(STREAM, lambda: Cursor(26), 47, "t")
    assert (cursor.seq, held is not None) == (26, True)


def test_a_lane_without_an_answer_leaves_no_lease() -> None:
    """In a cluster the node of the lease may have answered, and another one not."""
    world = World()
    take = world.cache.take_lane

    def half(*arguments: Any) -> None:
        take(*arguments)
        raise CacheDown("a node is away")

    world.cache.take_lane = half  # type: ignore[method-assign, assignment]
    with pytest.raises(CacheDown):
        holding(world).try_lane([entry(7, LOBBY)], [], 250)
    assert isinstance(world.cache.take_lease(STREAM, "another", 1), Lease)
