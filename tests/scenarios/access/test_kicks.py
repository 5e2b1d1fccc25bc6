"""Who was removed is out, whatever dies or fails over, and whatever was under way at the time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.composition import compose
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import operating, rest
from chalicelib.kernel import ids
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.faults import How, Plan, at_every_call
from tests.support.world import Killed, World

LOBBY, BOB = RoomId("lobby"), UserId("bob")
CHECKED_S = 45  # the delayed look, and another one if the writer was slow
Planted = Callable[[World], Plan]


def chatting() -> tuple[World, str, str]:
    """alice's and bob's devices in a room that both have open; all is cached."""
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    for device in (alice, bob):
        world.act(device, "join_room", room_id=LOBBY)
        send(world, device)
    world.pump()
    return world, alice, bob


def send(world: World, device: str) -> str:
    """Send a message; return the error's code, "" for an ack."""
    body = {"conversation_id": LOBBY, "message_type": "text", "content": "x"}
    return str(world.ask(device, "send_message", **body)["data"].get("code", ""))


def kick(world: World) -> Any:
    return world.http(rest.remove_member, "alice", room_id=LOBBY, user_id=BOB)


def changes(world: World, device: str) -> list[str]:
    return [event["change"] for event in world.poster.to(device, "room_updated")]


def types(world: World, device: str) -> None:
    world.act(device, "typing_start", conversation_id=LOBBY)
    world.pump(until_ms=world.clock.ms)


class Interposed:
    """A port of which one call is followed, or preceded, by something else."""

    def __init__(self, inner: Any, method: str, act: Callable[[], Any], *, first: bool) -> None:
        self._inner, self._method, self._act, self._first = inner, method, act, first

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)
        if name != self._method:
            return target

        def call(*arguments: Any, **more: Any) -> Any:
            act, self._act = self._act, lambda: None
            if self._first:
                act()
                return target(*arguments, **more)
            result = target(*arguments, **more)
            act()
            return result

        return call


def interpose(world: World, port: str, method: str, act: Callable[[], Any], *, first: bool) -> None:
    """Let `act` happen once at this call, in another process."""
    others = world.services

    def elsewhere() -> None:
        mine, world.services = world.services, others
        act()
        world.services = mine

    inner = getattr(world.adapters, port)
    changed: Any = Interposed(inner, method, elsewhere, first=first)
    world.services = compose(world.settings, replace(world.adapters, **{port: changed}))


@pytest.mark.parametrize("how", How)
def test_a_kick_whose_process_dies_anywhere_holds_and_is_told_if_it_was_written(how: How) -> None:
    """Nobody repeats the request."""

    def case(planted: Planted) -> None:
        world, alice, bob = chatting()
        told = len(changes(world, bob))
        plan = planted(world)
        with contextlib.suppress(Killed):
            kick(world)
        world.wait(CHECKED_S)
        plan.over = True
        if world.adapters.rooms.member(LOBBY, BOB) is None:
            assert send(world, bob) == "permission_denied"
            assert set(changes(world, bob)[told:]) == {"member_removed"}
            types(world, alice)
            assert world.poster.to(bob, "typing") == []
        else:
            assert send(world, bob) == ""
            assert changes(world, bob)[told:] == []

    assert {"rooms.remove_member", "cache.bump", "delivery.send"} <= set(at_every_call(how, case))


@pytest.mark.parametrize("how", How)
def test_a_new_member_is_in_and_told_if_it_was_written(how: How) -> None:
    def case(planted: Planted) -> None:
        world = World()
        world.room("alice")
        alice, bob = world.connect("alice"), world.connect("bob")
        send(world, alice)
        world.pump()
        plan = planted(world)
        with contextlib.suppress(Killed):
            world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=LOBBY)
        world.wait(CHECKED_S)
        plan.over = True
        send(world, alice)
        world.pump()
        added = world.adapters.rooms.member(LOBBY, BOB) is not None
        assert ("member_added" in changes(world, bob)) is added
        assert bool(world.poster.to(bob, "message_received")) is added

    assert {"rooms.add_member", "cache.bump"} <= set(at_every_call(how, case))


@pytest.mark.parametrize("how", How)
def test_a_new_room_is_told_and_delivered_if_it_was_written(how: How) -> None:
    """Its members were asked for, and cached as none, before it was."""

    def case(planted: Planted) -> None:
        world = World()
        alice, bob = world.connect("alice"), world.connect("bob")
        assert world.services.rooms.members(LOBBY) == {}
        world.pump()
        plan = planted(world)
        body = {"room_type": "group_chat", "participants": ["bob"], "room_id": LOBBY}
        with contextlib.suppress(Killed):
            world.http(rest.create_room, "alice", body)
        world.wait(CHECKED_S)
        plan.over = True
        made = world.adapters.rooms.get(LOBBY) is not None
        assert set(changes(world, bob)) == ({"created"} if made else set())
        if made:
            assert send(world, alice) == ""
            world.pump()
            assert world.poster.to(bob, "message_received")

    assert {"rooms.create", "cache.bump"} <= set(at_every_call(how, case))


@pytest.mark.parametrize("how", How)
def test_a_new_room_of_moments_reaches_friends_if_it_was_written(how: How) -> None:
    def case(planted: Planted) -> None:
        world = World()
        world.http(rest.put_friend, "alice", user_id="bob")
        world.http(rest.put_friend, "bob", user_id="alice")
        bob = world.connect("bob")
        world.pump()
        assert world.services.rooms.members(ids.moments_room_id(UserId("alice"))) == {}
        plan = planted(world)
        for _ in range(3):
            with contextlib.suppress(Killed):
                body = {"content": "x", "client_message_id": "c1"}
                if world.http(rest.post_moment, "alice", body).status == 201:
                    break
        world.wait(CHECKED_S)
        plan.over = True
        assert world.http(rest.post_moment, "alice", {"content": "y"}).status == 201
        world.pump()
        assert {e["content"] for e in world.poster.to(bob, "moment_posted")} >= {"y"}

    assert {"rooms.create", "cache.bump"} <= set(at_every_call(how, case))


def test_a_failover_to_a_replica_without_the_kick_brings_nobody_back() -> None:
    world, alice, bob = chatting()
    replica = world.cache.replica()
    assert kick(world).status == 200
    world.pump(until_ms=world.clock.ms)
    world.cache.fail_over(replica)
    world.wait(25)
    assert send(world, bob) == "permission_denied"
    types(world, alice)
    assert world.poster.to(bob, "typing") == []
    said = len(world.poster.to(bob, "message_received"))
    send(world, alice)
    world.pump()
    assert len(world.poster.to(bob, "message_received")) == said


def test_a_join_that_was_authorised_before_the_kick_shows_nothing() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "join_room", room_id=LOBBY)

    def kicked() -> None:
        assert kick(world).status == 200
        world.pump(until_ms=world.clock.ms)

    interpose(world, "connections", "join", kicked, first=True)
    world.act(bob, "join_room", room_id=LOBBY)
    world.pump(until_ms=world.clock.ms)
    types(world, alice)
    assert world.poster.to(bob, "typing") == []
    assert world.poster.to(alice, "user_joined") == [], "bob is no member any more"
    world.wait(25)
    assert [each.user_id for each in world.adapters.connections.joined(LOBBY)] == ["alice"]


@pytest.mark.parametrize("redis", [True, False])
def test_an_audience_that_was_read_before_the_kick_shows_nothing(redis: bool) -> None:
    world, alice, bob = chatting()
    world.cache.flush()
    world.cache.down = not redis

    def kicked() -> None:
        assert kick(world).status == 200
        world.pump(until_ms=world.clock.ms)

    interpose(world, "connections", "joined", kicked, first=False)
    types(world, alice)
    before = len(world.poster.to(bob, "typing"))
    world.clock.ms += 10_000
    types(world, alice)
    assert len(world.poster.to(bob, "typing")) == before == 0


def test_an_audience_that_was_read_before_a_leave_is_not_cached() -> None:
    world, alice, bob = chatting()
    world.cache.flush()
    leave = lambda: world.act(bob, "leave_room", room_id=LOBBY)  # noqa: E731
    interpose(world, "connections", "joined", leave, first=False)
    types(world, alice)
    before = len(world.poster.to(bob, "typing"))
    world.clock.ms += 10_000
    types(world, alice)
    assert len(world.poster.to(bob, "typing")) == before


def test_a_repeated_request_tells_nobody_again() -> None:
    world, alice, _ = chatting()
    for _ in range(3):
        assert world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=LOBBY).status < 300
    world.pump()
    assert changes(world, alice) == []
    for _ in range(3):
        assert kick(world).status == 200
        world.pump()
    assert changes(world, alice) == ["member_removed"]


@pytest.mark.parametrize("how", How)
def test_a_revocation_that_was_written_closes_all_connections(how: How) -> None:
    """Nobody repeats the request."""

    def case(planted: Planted) -> None:
        world = World()
        before = world.connect("eve")
        world.pump()
        plan = planted(world)
        parts = {"user_id": "eve", "roles": ["admin"]}
        with contextlib.suppress(Killed):
            world.http(operating.disconnect_user, "root", {"for_s": 600}, **parts)
        world.wait(35)
        plan.over = True
        if world.adapters.revocations.until_ms(UserId("eve")):
            assert before in world.poster.closed

    assert "revocations.put" in at_every_call(how, case)


def test_who_connects_while_a_revocation_is_written_is_closed() -> None:
    world = World()
    found: list[str] = []

    def connects() -> None:
        world.clock.ms += 1_000
        found.append(world.connect("eve"))

    interpose(world, "revocations", "put", connects, first=True)
    parts = {"user_id": "eve", "roles": ["admin"]}
    assert world.http(operating.disconnect_user, "root", {"for_s": 600}, **parts).status == 200
    world.wait(35)
    assert world.poster.closed == found
    event = world.connect_event("again=", world.token("eve"))
    assert websocket.connect(world.services, event)["statusCode"] == 403


@pytest.mark.parametrize("how", How)
def test_a_friendship_is_seen_if_it_was_written(how: How) -> None:
    """Nobody repeats the request. Each learns of the other's presence, and moments arrive."""

    def case(planted: Planted) -> None:
        world = World()
        alice, bob = world.connect("alice"), world.connect("bob")
        world.http(rest.put_friend, "alice", user_id="bob")
        assert world.http(rest.post_moment, "alice", {"content": "before"}).status == 201
        world.pump()
        plan = planted(world)
        with contextlib.suppress(Killed, Unavailable):
            world.http(rest.put_friend, "bob", user_id="alice")
        world.wait(CHECKED_S)
        plan.over = True
        friends = world.services.friends.are(UserId("alice"), BOB)
        for device in (alice, bob):
            updates = world.poster.to(device, "friend_status_update")
            assert bool(updates) is friends
            assert len({update["timestamp"] for update in updates}) <= 1
        assert world.http(rest.post_moment, "alice", {"content": "after"}).status == 201
        world.pump()
        assert bool(world.poster.to(bob, "moment_posted")) is friends

    assert {"friends.put", "cache.bump"} <= set(at_every_call(how, case))


@pytest.mark.parametrize("how", [How.KILLED_BEFORE, How.KILLED_AFTER])
def test_a_status_is_shown_if_it_was_written(how: How) -> None:
    """Nobody repeats the frame."""

    def case(planted: Planted) -> None:
        world = World()
        for one, other in (("alice", "bob"), ("bob", "alice")):
            world.http(rest.put_friend, one, user_id=other)
        alice, bob = world.connect("alice"), world.connect("bob")
        world.pump()
        plan = planted(world)
        with contextlib.suppress(Killed):
            world.ask(alice, "set_status", status="away")
        world.wait(CHECKED_S)
        plan.over = True
        chosen = world.adapters.presence.get(UserId("alice"), world.services.region).chosen
        updates = world.poster.to(bob, "friend_status_update")
        assert ("away" in [update["status"] for update in updates]) is (chosen is not None)

    assert "presence.choose" in at_every_call(how, case)


def test_asking_for_a_room_id_that_is_taken_disturbs_its_members_in_nothing() -> None:
    world, alice, bob = chatting()
    version, _ = world.cache.members(LOBBY)
    told = (changes(world, alice), changes(world, bob))
    for participants in ([], ["bob"]):
        body = {"room_type": "group_chat", "participants": participants, "room_id": LOBBY}
        assert world.http(rest.create_room, "eve", body).status == 409
    world.wait(300)
    assert world.cache.members(LOBBY)[0] == version
    assert (changes(world, alice), changes(world, bob)) == told
    assert world.adapters.outbound.jobs == []


def test_a_slow_writer_is_waited_for() -> None:
    """It was frozen for half a minute before its write, and died right after it."""
    world, _, bob = chatting()

    def frozen() -> None:
        world.wait(30)
        assert world.adapters.rooms.remove_member(LOBBY, BOB)
        raise Killed

    interpose(world, "rooms", "remove_member", frozen, first=True)
    with contextlib.suppress(Killed):
        kick(world)
    assert send(world, bob) == "", "his grant is cached"
    world.wait(30)
    assert send(world, bob) == "permission_denied"
    assert changes(world, bob)[-1] == "member_removed"
