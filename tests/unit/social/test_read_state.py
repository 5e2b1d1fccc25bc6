"""What markers say to whom: `is_read` tells nobody that somebody has read who has blocked them."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.messaging.confirmations import RECEIPTS_UP_TO
from tests.support.consents import block, unblock
from tests.support.counting import counted
from tests.support.world import World

TEXT = {"conversation_id": "lobby", "message_type": "text", "content": "x"}


def crowded(*others: str) -> World:
    world = World()
    world.room("eve", *others)
    return world


def sent(world: World, device: str) -> str:
    world.clock.ms += 1
    return str(world.act(device, "send_message", **TEXT)["message_id"])


def read(world: World, user: str, message_id: str) -> None:
    device = world.connect(user)
    world.act(device, "message_read", conversation_id="lobby", message_id=message_id)
    world.pump()


def shown(world: World, device: str) -> list[bool]:
    """`is_read` of eve's messages, which history and sync agree on."""
    listed = world.http(rest.list_messages, "eve", room_id="lobby").body["messages"]
    synced = world.act(device, "sync", positions={"lobby": ""})["conversations"]["lobby"]
    of_history = [each["is_read"] for each in listed]
    assert [each["is_read"] for each in synced["messages"]] == of_history
    return of_history


def test_of_three_readers_those_who_have_blocked_the_sender_do_not_count() -> None:
    world = crowded("bob", "carol", "fred")
    eve = world.connect("eve")
    ids = [sent(world, eve) for _ in range(4)]
    for user, message_id in (("bob", ids[3]), ("carol", ids[2]), ("fred", ids[0])):
        read(world, user, message_id)
    assert shown(world, eve) == [True] * 4
    block(world, "bob", "eve")
    assert shown(world, eve) == [True, True, True, False]
    block(world, "carol", "eve")
    assert shown(world, eve) == [True, False, False, False], "fred was not among the furthest"
    block(world, "fred", "eve")
    assert shown(world, eve) == [False] * 4
    unblock(world, "carol", "eve")
    assert shown(world, eve) == [True, True, True, False]


def test_others_are_told_as_ever_and_whom_one_has_blocked_counts() -> None:
    world = crowded("bob", "fred")
    eve, fred = world.connect("eve"), world.connect("fred")
    own, his = sent(world, eve), sent(world, fred)
    read(world, "bob", his)
    block(world, "bob", "eve")
    block(world, "eve", "fred")
    messages = world.http(rest.list_messages, "fred", room_id="lobby").body["messages"]
    assert [each["is_read"] for each in messages] == [False, True]
    read(world, "fred", own)
    assert shown(world, eve)[0] is True, "fred has read it, whom eve has blocked"


def test_in_a_large_room_too_nobody_who_has_blocked_the_sender_counts() -> None:
    users = [f"u{number:02}" for number in range(RECEIPTS_UP_TO + 5)]
    world = crowded(*users)
    eve = world.connect("eve")
    own = sent(world, eve)
    for user in users:
        read(world, user, own)
    assert shown(world, eve) == [True]
    for user in users:
        block(world, user, "eve")
    assert shown(world, eve) == [False]


@pytest.mark.parametrize("blocked", [False, True])
def test_it_costs_a_batch_and_a_query_where_somebody_has_blocked_the_viewer(blocked: bool) -> None:
    world = crowded("bob", "fred")
    eve = world.connect("eve")
    for user in ("bob", "fred"):
        read(world, user, sent(world, eve))
    if blocked:
        block(world, "bob", "eve")
    ports = counted(world)
    world.http(rest.list_messages, "eve", room_id="lobby")
    assert ports["markers"].calls == ["furthest", *(["readings"] if blocked else [])]
    assert ports["consents"].calls == ["get"] * (2 if blocked else 1)
