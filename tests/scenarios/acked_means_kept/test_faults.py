"""Every call of the message path fails once, in each way a call can fail; nothing is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.model.delivery import Outcome
from tests.support.faults import How, Plan, again, at_every_call
from tests.support.world import Killed, World


def sent(world: World, connection: str, **data: Any) -> dict[str, Any] | None:
    """The ack's data; None when the client got none: an error, or no answer at all."""
    try:
        answer = world.ask(connection, "send_message", **data)
    except Killed:
        return None
    if answer["event"] == "ack":
        return answer["data"]
    assert answer["data"]["code"] == "unavailable", answer
    assert answer["data"]["retryable"] is True
    return None


def insist(world: World, connection: str, **data: Any) -> dict[str, Any]:
    """Send as a client does: again, with the same client_message_id, until there is an ack."""
    for _ in range(3):
        ack = sent(world, connection, **data)
        if ack is not None:
            return ack
    raise AssertionError("one fault cannot refuse a message three times")


def contents(world: World, device: str) -> list[str]:
    """What a device shows: a client drops what it has by message_id."""
    shown = {got["message_id"]: got["content"] for got in world.poster.to(device)}
    return list(shown.values())


def history(world: World) -> list[str]:
    page = world.http(rest.list_messages, "alice", room_id="lobby", query={"limit": "200"}).body
    return [message["content"] for message in page["messages"]]


@pytest.mark.parametrize("how", How)
def test_a_send_that_fails_anywhere_is_there_once_after_its_resend(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        world.room("alice", "bob")
        alice, bob = world.connect("alice"), world.connect("bob")
        message = {"conversation_id": "lobby", "message_type": "text", "client_message_id": "c1"}
        plan = planted(world)
        ack = sent(world, alice, content="x", **message)
        assert insist(world, alice, content="x", **message) == ack or ack is None
        insist(world, alice, content="next", **{**message, "client_message_id": "c2"})
        world.pump()
        plan.over = True
        assert contents(world, bob) == ["x", "next"]
        assert history(world) == ["x", "next"]

    struck = at_every_call(how, case)
    assert {"cache.frame", "log.commit", "delivery.send"} <= set(struck)


def test_a_message_is_delivered_although_the_answer_to_its_commit_is_lost() -> None:
    """Nobody sends it again: its sender was removed, or has gone."""

    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        world.room("alice", "bob")
        alice, bob = world.connect("alice"), world.connect("bob")
        plan = planted(world)
        message = {"conversation_id": "lobby", "message_type": "text", "client_message_id": "c1"}
        ack = sent(world, alice, content="x", **message)
        plan.over = True
        world.pump()
        if plan.made[plan.at - 1 :][:1] in (["log.commit"], ["log.commit_all"]):
            assert ack is not None
        assert ack is None or contents(world, bob) == ["x"]

    assert "log.commit" in at_every_call(How.ANSWER_LOST, case)


@pytest.mark.parametrize("how", How)
def test_an_acked_message_is_delivered_wherever_its_delivery_fails(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        world.room("alice", "bob", "carol")
        alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
        body = {"conversation_id": "lobby", "message_type": "text"}
        for text in ("one", "two", "three"):
            assert sent(world, alice, content=text, **body)
        planted(world)
        world.pump()
        for device in (bob, carol):
            assert contents(world, device) == ["one", "two", "three"]

    struck = at_every_call(how, case)
    assert {"cursors.get", "cursors.advance", "cache.deliver", "cache.online"} <= set(struck)


@pytest.mark.parametrize("how", How)
def test_a_slow_connection_loses_nothing_wherever_its_retries_fail(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        world.room("alice", "bob")
        alice, bob = world.connect("alice"), world.connect("bob")
        body = {"conversation_id": "lobby", "message_type": "text"}
        for text in ("one", "two"):
            assert sent(world, alice, content=text, **body)
        world.poster.script[bob] = [Outcome.THROTTLED, Outcome.FAILED]
        planted(world)
        world.pump()
        assert contents(world, bob) == ["one", "two"]
        assert world.poster.closed == []

    struck = at_every_call(how, case)
    assert {"cursors.fall_behind", "cursors.catch_up", "delivery.send"} <= set(struck)


@pytest.mark.parametrize("how", How)
def test_a_large_room_gets_all_of_it_wherever_its_split_fails(how: How) -> None:
    users = [f"user{number}" for number in range(12)]

    def case(planted: Callable[[World], Plan]) -> None:
        world = World(split_over=5)
        world.room("alice", *users)
        alice, devices = world.connect("alice"), [world.connect(user) for user in users]
        world.pump()
        body = {"conversation_id": "lobby", "message_type": "text"}
        for text in ("one", "two"):
            assert sent(world, alice, content=text, **body)
        planted(world)
        world.pump()
        for device in devices:
            assert contents(world, device) == ["one", "two"], device

    assert "delivery.send" in at_every_call(how, case)


@pytest.mark.parametrize("how", How)
def test_a_deletion_that_fails_anywhere_holds_after_its_repeat(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        world.room("alice", "bob")
        alice, bob = world.connect("alice"), world.connect("bob")
        body = {"conversation_id": "lobby", "message_type": "text", "content": "secret"}
        ref = {"conversation_id": "lobby", "message_id": sent(world, alice, **body)["message_id"]}
        world.pump()
        plan = planted(world)
        with contextlib.suppress(Killed):
            world.ask(alice, "delete_message", **ref)
        assert again(lambda: world.act(alice, "delete_message", **ref)) == {}
        world.pump()
        plan.over = True
        deleted = {got["position"] for got in world.poster.to(bob, "message_deleted")}
        assert len(deleted) == 1
        assert history(world) == [None]

    assert "log.commit" in at_every_call(how, case)


@pytest.mark.parametrize("how", How)
def test_a_connect_that_fails_anywhere_is_refused_or_complete(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        world.room("alice", "bob")
        alice = world.connect("alice")
        plan = planted(world)
        bob = again(lambda: world.connect("bob"))  # refused, a client comes again
        world.pump()
        body = {"conversation_id": "lobby", "message_type": "text", "client_message_id": "c1"}
        insist(world, alice, content="hi", **body)
        world.pump()
        plan.over = True
        synced = world.act(bob, "sync", positions={})["conversations"]["lobby"]
        assert [message["content"] for message in synced["messages"]] == ["hi"]
        assert contents(world, bob) == ["hi"]

    assert "connections.put" in at_every_call(how, case)


@pytest.mark.parametrize("how", How)
def test_a_disconnect_that_fails_anywhere_leaves_no_ghost_after_the_next_sign_of_it(
    how: How,
) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        world.room("alice", "bob")
        alice, bob = world.connect("alice"), world.connect("bob")
        world.act(bob, "join_room", room_id="lobby")
        world.pump()
        plan = planted(world)
        try:
            world.disconnect(bob)
        except (Killed, AssertionError):  # API Gateway does not repeat the event: a 410 comes
            world.clock.ms += 6_000
        world.poster.script[bob] = [Outcome.GONE] * 20
        body = {"conversation_id": "lobby", "message_type": "text", "client_message_id": "c1"}
        insist(world, alice, content="hi", **body)
        world.pump()
        plan.over = True
        assert world.adapters.connections.get(bob) is None
        assert world.poster.to(bob, "message_received") == []

    assert "connections.disconnect" in at_every_call(how, case)
