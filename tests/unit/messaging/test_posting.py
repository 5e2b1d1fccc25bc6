"""Posts and what became of them: each outcome has its place in the receipt."""

from __future__ import annotations

import pytest

from chalicelib.messaging.fanout import Receipt
from chalicelib.messaging.posting import Posting
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, UserId
from tests.support.world import World


def posting(world: World) -> Posting:
    poster, connections = world.adapters.poster, world.services.connections
    return Posting(poster, connections, world.cache, world.services.rooms, world.clock)


def target_of(world: World, device: str) -> Target:
    connection = world.adapters.connections.get(ConnectionId(device))
    assert connection is not None
    return connection.target


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("young", [True, False])
def test_each_outcome(outcome: Outcome, young: bool) -> None:
    world = World()
    device = world.connect("alice")
    target = target_of(world, device)
    world.clock.ms += 0 if young else 6_000
    world.poster.script[device] = [outcome]
    receipt = posting(world).post([Post(target, b"{}")])
    gone = Receipt(retry=(target,)) if young else Receipt(gone=1, ended=(target,))
    assert (
        receipt
        == {
            Outcome.DELIVERED: Receipt(delivered=1),
            Outcome.GONE: gone,
            Outcome.TOO_LARGE: Receipt(refused=1),
            Outcome.THROTTLED: Receipt(retry=(target,)),
            Outcome.FAILED: Receipt(retry=(target,)),
            Outcome.BUSY: Receipt(busy=(target,)),
            Outcome.UNSENT: Receipt(unsent=(target,)),
            Outcome.HELD: Receipt(),  # only after another post to the connection
        }[outcome]
    )
    assert (world.adapters.connections.get(target.connection_id) is None) == (receipt.gone == 1)


def test_who_is_in_a_hurry_cleans_up_after_few_that_are_gone() -> None:
    world = World()
    devices = [world.connect(f"user{number}") for number in range(6)]
    posts = [Post(target_of(world, device), b"{}") for device in devices]
    world.clock.ms += 6_000
    world.poster.rule = lambda _: Outcome.GONE
    receipt = posting(world).post(posts, within_ms=100)
    assert (receipt.gone, len(receipt.retry)) == (3, 3)
    assert posting(world).post(posts).gone == 6


def test_nothing_to_post_calls_nobody() -> None:
    world = World()
    assert posting(world).post([]) == Receipt()
    assert world.poster.calls == 0


@pytest.mark.parametrize("redis", ["warm", "cold", "down"])
def test_who_is_connected_is_known_with_and_without_redis(redis: str) -> None:
    world = World()
    devices = {world.connect("alice"), world.connect("alice"), world.connect("bob")}
    if redis == "cold":
        world.cache.flush()
    world.cache.down = redis == "down"
    users = [UserId(name) for name in ("alice", "bob", "carol")]
    found = posting(world).connected(users)
    assert {target.connection_id for target in found} == devices
    assert len(found) == 3
