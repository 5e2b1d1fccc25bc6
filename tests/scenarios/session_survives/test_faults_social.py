"""Every call of presence, friends, receipts, feeds and revocations fails once, in each way.

After the repeat that a client, a queue or the next sweep brings anyway, everybody knows the truth.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import operating, rest
from chalicelib.kernel import ids
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.identifiers import UserId
from tests.support.faults import How, Plan, again, at_every_call
from tests.support.world import Killed, World

Planted = Callable[[World], Plan]


def befriended(*users: str) -> World:
    """A world in which these are all friends."""
    world = World()
    for one in users:
        for other in users:
            if one != other:
                assert world.http(rest.put_friend, one, user_id=other).status == 200
    world.pump()
    return world


def insist(world: World, endpoint: rest.Endpoint, user: str, body: Any = None, **parts: Any) -> Any:
    """Ask as an HTTP client does: again while the answer is lost or says to come again."""
    for _ in range(3):
        with contextlib.suppress(Killed):
            answer = world.http(endpoint, user, body, **parts)
            if answer.status < 500:
                return answer
    raise AssertionError("one fault cannot refuse a request three times")


def told(world: World, device: str, user: str = "alice") -> list[str]:
    updates = world.poster.to(device, "friend_status_update")
    newest: dict[str, str] = {}
    for update in updates:
        if update["user_id"] == user:
            newest.setdefault(update["timestamp"], update["status"])
    return [newest[at] for at in sorted(newest)]


def shown(world: World, user: str = "alice", by: str = "bob") -> str:
    answer = world.http(rest.list_presence, by, multi={"user_id": [user]})
    return str(answer.body["presence"][0]["status"])


def settle(world: World) -> None:
    """Two sweeps, of which the fault may strike one, and what they bring."""
    for _ in range(2):
        with contextlib.suppress(Killed, Unavailable):
            world.sweep()
        world.wait(60)


@pytest.mark.parametrize("how", How)
def test_who_comes_is_seen(how: How) -> None:
    def case(planted: Planted) -> None:
        world = befriended("alice", "bob")
        bob = world.connect("bob")
        world.pump()
        plan = planted(world)
        again(lambda: world.connect("alice"))
        world.wait(1)
        settle(world)
        plan.over = True
        assert shown(world) == "online"
        assert told(world, bob)[-1:] == ["online"]

    struck = at_every_call(how, case)
    assert {"presence.change", "delivery.send", "friends.mutual"} <= set(struck)


@pytest.mark.parametrize("how", How)
def test_who_leaves_is_seen_to_have_left(how: How) -> None:
    def case(planted: Planted) -> None:
        world = befriended("alice", "bob")
        bob, alice = world.connect("bob"), world.connect("alice")
        world.pump()
        plan = planted(world)
        try:
            world.disconnect(alice)
        except (Killed, AssertionError):  # nobody repeats `$disconnect`: a 410 shows it, in time
            world.clock.ms += 6_000
            again(lambda: world.services.connections.gone(target))
        world.wait(11)
        settle(world)
        plan.over = True
        assert shown(world) == "offline"
        assert told(world, bob)[-1:] == ["offline"]

    target = _target()
    struck = at_every_call(how, case)
    assert {"connections.disconnect", "outbound.send", "presence.announced"} <= set(struck)


@pytest.mark.parametrize("how", How)
def test_who_leaves_is_seen_to_have_left_the_room(how: How) -> None:
    def case(planted: Planted) -> None:
        world = World()
        world.room("alice", "bob")
        bob, alice = world.connect("bob"), world.connect("alice")
        world.act(bob, "join_room", room_id="lobby")
        world.act(alice, "join_room", room_id="lobby")
        world.pump()
        target = world.adapters.connections.get(alice).target
        plan = planted(world)
        try:
            world.disconnect(alice)
        except (Killed, AssertionError):
            world.clock.ms += 6_000
            again(lambda: world.services.connections.gone(target))
        world.wait(11)
        settle(world)
        plan.over = True
        assert "alice" in [each["user_id"] for each in world.poster.to(bob, "user_left")]

    struck = at_every_call(how, case)
    assert {"connections.disconnect", "outbound.send", "connections.leave"} <= set(struck)


def _target() -> Any:
    """alice's, as `befriended` and two connects make it."""
    world = befriended("alice", "bob")
    world.connect("bob")
    found = world.adapters.connections.get(world.connect("alice"))  # type: ignore[arg-type]
    assert found is not None
    return found.target


@pytest.mark.parametrize("how", How)
def test_a_chosen_status_is_told_after_its_repeat(how: How) -> None:
    def case(planted: Planted) -> None:
        world = befriended("alice", "bob")
        bob, alice = world.connect("bob"), world.connect("alice")
        world.pump()
        plan = planted(world)
        again(lambda: world.act(alice, "set_status", status="away"))
        world.wait(1)
        settle(world)
        plan.over = True
        assert shown(world) == "away"
        assert told(world, bob)[-1:] == ["away"]

    assert "presence.choose" in at_every_call(how, case)


@pytest.mark.parametrize("how", How)
def test_the_end_of_a_friendship_holds_after_its_repeat(how: How) -> None:
    def case(planted: Planted) -> None:
        world = befriended("alice", "bob")
        bob, alice = world.connect("bob"), world.connect("alice")
        world.pump()
        plan = planted(world)
        assert insist(world, rest.remove_friend, "alice", user_id="bob").status == 200
        world.pump()
        plan.over = True
        before = len(told(world, bob))
        world.act(alice, "set_status", status="away")
        assert world.http(rest.post_moment, "alice", {"content": "secret"}).status == 201
        world.pump()
        assert len(told(world, bob)) == before
        assert world.poster.to(bob, "moment_posted") == []
        assert world.http(rest.list_moments, "bob").body["moments"] == []

    assert "friends.remove" in at_every_call(how, case)


@pytest.mark.parametrize("how", How)
def test_a_reading_is_told_and_counted_after_its_repeat(how: How) -> None:
    def case(planted: Planted) -> None:
        world = World()
        world.room("alice", "bob")
        alice, bob, tablet = world.connect("alice"), world.connect("bob"), world.connect("bob")
        body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
        sent = [world.act(alice, "send_message", **body)["message_id"] for _ in range(3)]
        world.pump()
        plan = planted(world)
        ref = {"conversation_id": "lobby", "message_id": sent[1]}
        again(lambda: world.act(bob, "message_read", **ref))
        world.pump()
        plan.over = True
        for device in (alice, tablet):
            told = {event["message_id"] for event in world.poster.to(device, "message_read")}
            assert told == {sent[1]}, device
        [room] = world.http(rest.list_rooms, "bob").body["rooms"]
        assert (room["unread"], room["last_read_message_id"]) == (1, sent[1])

    assert {"markers.move", "outbound.send"} <= set(at_every_call(how, case))


@pytest.mark.parametrize("how", How)
def test_a_moment_is_there_once_after_its_repeat(how: How) -> None:
    def case(planted: Planted) -> None:
        world = befriended("alice", "bob")
        bob = world.connect("bob")
        world.pump()
        plan = planted(world)
        body = {"content": "once", "client_message_id": "c1"}
        assert insist(world, rest.post_moment, "alice", body).status == 201
        world.pump()
        plan.over = True
        assert {got["content"] for got in world.poster.to(bob, "moment_posted")} == {"once"}
        assert len({got["message_id"] for got in world.poster.to(bob, "moment_posted")}) == 1
        assert len(world.http(rest.list_moments, "bob").body["moments"]) == 1

    assert {"log.commit_all", "delivery.send"} <= set(at_every_call(how, case))


@pytest.mark.parametrize("how", How)
def test_a_notification_is_there_once_after_its_repeat(how: How) -> None:
    def case(planted: Planted) -> None:
        world = World()
        bob = world.connect("bob")
        world.pump()
        plan = planted(world)
        body = {"user_id": "bob", "content": "due", "client_message_id": "c1"}
        posted = insist(world, rest.post_notification, "mailer", body, roles=["service"])
        assert posted.status == 201
        world.pump()
        plan.over = True
        assert len({got["message_id"] for got in world.poster.to(bob, "notification")}) == 1
        room = ids.notifications_room_id(UserId("bob"))
        synced = world.act(bob, "sync", positions={})["conversations"][room]["messages"]
        assert [each["content"] for each in synced] == ["due"]

    assert "log.commit_all" in at_every_call(how, case)


@pytest.mark.parametrize("how", How)
def test_a_revocation_holds_after_its_repeat(how: How) -> None:
    def case(planted: Planted) -> None:
        world = World()
        phone, laptop = world.connect("eve"), world.connect("eve")
        world.pump()
        plan = planted(world)
        parts = {"user_id": "eve", "roles": ["admin"]}
        insisted = insist(world, operating.disconnect_user, "root", {"for_s": 600}, **parts)
        assert insisted.status == 200
        world.wait(30)
        plan.over = True
        assert {phone, laptop} <= set(world.poster.closed)
        event = world.connect_event("new=", world.token("eve"))
        assert websocket.connect(world.services, event)["statusCode"] == 403

    assert {"revocations.put", "connections.of_user"} <= set(at_every_call(how, case))
