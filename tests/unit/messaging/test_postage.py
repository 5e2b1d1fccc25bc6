"""What a message pays for its posts, before it is stored."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.contract.commands import MAX_CONTENT_BYTES
from chalicelib.entrypoints.http import rest
from chalicelib.kernel.errors import RateLimited
from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.counting import counted
from tests.support.world import START_MS, World

LARGEST = "x" * (MAX_CONTENT_BYTES - 2)
CROWD = [f"user{number:03}" for number in range(399)]
POSTS = (400 * 8 - 1_000) // 100  # tokens
SIZE = 57


def crowded(**rates: Rate) -> tuple[World, str]:
    world = World(limits={**DEFAULT_LIMITS, **rates})
    world.room("alice", *CROWD)
    return world, world.connect("alice")


def message(content: str, **more: Any) -> dict[str, Any]:
    return {"conversation_id": "lobby", "message_type": "text", "content": content, **more}


def left(world: World, user: str = "alice") -> float:
    level, _ = world.cache._get(f"limits:{user}")["send_message"]
    return float(level)


def test_a_large_message_to_a_large_room_pays_for_its_size_and_its_posts() -> None:
    world, alice = crowded(send_message=Rate(1, 500))
    world.act(alice, "send_message", **message(LARGEST))
    assert left(world) == 500 - SIZE - POSTS
    world.act(alice, "send_message", **message(LARGEST))
    assert left(world) == 500 - 2 * (SIZE + POSTS), "the room is cached now, and costs the same"


def test_who_cannot_pay_at_once_owes_it_and_nothing_more_is_stored_until_then() -> None:
    world, alice = crowded(send_message=Rate(1, 60))
    world.act(alice, "send_message", **message(LARGEST))
    assert left(world) == 60 - SIZE - POSTS < 0
    world.clock.ms += 10_000
    refusal = world.ask(alice, "send_message", **message("x"))["data"]
    assert refusal["code"] == "rate_limited"
    assert refusal["retry_after_ms"] == (SIZE + POSTS - 60 + 1) * 1000 - 10_000
    world.clock.ms += refusal["retry_after_ms"]
    world.act(alice, "send_message", **message("x"))


def test_of_messages_that_arrive_at_once_those_that_come_after_a_debt_are_refused() -> None:
    """Each frame could pay for its size before the first one paid for its posts."""
    world, _ = crowded(send_message=Rate(1, 200))
    limits = world.services.limits
    limits.spend_for_posts(UserId("alice"), 300)
    with pytest.raises(RateLimited) as refused:
        limits.spend_for_posts(UserId("alice"), 300)
    assert refused.value.retry_after_ms == 100_000


def test_over_http_it_is_the_same() -> None:
    world, _ = crowded(send_message=Rate(1, 500))
    body = {"message_type": "text", "content": LARGEST}
    answer = world.http(rest.post_message, "alice", body, room_id="lobby")
    assert answer.status == 201
    assert left(world) == 500 - SIZE - POSTS


def test_a_moment_pays_for_its_posts() -> None:
    world = World(limits={**DEFAULT_LIMITS, "send_message": Rate(1, 500)})
    for friend in map(UserId, CROWD[:250]):
        world.adapters.friends.put(UserId("alice"), friend, START_MS)
        world.adapters.friends.put(friend, UserId("alice"), START_MS)
    answer = world.http(rest.post_moment, "alice", {"content": LARGEST})
    assert answer.status == 201, answer
    assert left(world) == 500 - (251 * 8 - 1_000) // 100


def test_small_messages_and_small_rooms_make_no_further_call() -> None:
    world, alice = crowded()
    world.room("alice", "bob", room_id="small")
    for name, content in (("lobby", "x" * 8_000), ("small", LARGEST)):
        world.act(alice, "send_message", **message("x") | {"conversation_id": name})
        world.pump()
        ports = counted(world)
        before = world.cache.round_trips
        answer = message(content) | {"conversation_id": name}
        world.act(alice, "send_message", **answer)
        assert ports["cache"].calls == ["frame", "settle"], name
        assert world.cache.round_trips - before == 2
        assert ports["rooms"].calls == []


def test_a_large_message_reads_the_room_at_most_once() -> None:
    world, alice = crowded()
    world.cache.bump(RoomId("lobby"))
    ports = counted(world)
    world.act(alice, "send_message", **message(LARGEST))
    assert ports["rooms"].calls == ["member", "members"]
    world.pump()
    assert ports["rooms"].calls == ["member", "members"], "the delivery finds them cached"
    world.act(alice, "send_message", **message(LARGEST))
    assert ports["rooms"].calls == ["member", "members"]


def test_without_the_cache_there_are_no_limits() -> None:
    world, alice = crowded()
    world.act(alice, "send_message", **message("x"))
    world.cache.down = True
    assert world.act(alice, "send_message", **message(LARGEST))
