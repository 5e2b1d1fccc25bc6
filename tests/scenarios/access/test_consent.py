"""Whom a user has blocked, or does not want to be seen by, sees nothing: over all that is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.entrypoints.http import consents, rest
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.consents import (
    accept,
    befriend,
    block,
    chat,
    choose,
    invited,
    members,
    unblock,
)
from tests.support.faults import How, Plan, at_every_call
from tests.support.replicas import EU, US, Deployment
from tests.support.world import Killed, World

TEXT = {"message_type": "text", "content": "x"}
LOBBY = "lobby"
BOB, EVE = UserId("bob"), UserId("eve")


@pytest.fixture
def world() -> World:
    """bob, eve and fred share the group "lobby"; bob and eve also chat in private."""
    world = World()
    world.room(BOB, EVE, "fred")
    chat(world, EVE, BOB)
    return world


def presence(world: World, viewer: str, *users: str) -> list[dict[str, Any]]:
    answer = world.http(rest.list_presence, viewer, multi={"user_id": list(users)})
    assert answer.status == 200, answer
    shown: list[dict[str, Any]] = answer.body["presence"]
    return shown


def never_seen(user: str) -> dict[str, Any]:
    return {"user_id": user, "status": "offline", "last_seen": None}


def sent(world: World, device: str, room_id: str, **more: Any) -> str:
    return str(
        world.act(device, "send_message", conversation_id=room_id, **TEXT, **more)["message_id"]
    )


class TestPresence:
    def test_who_is_blocked_sees_it_no_more(self, world: World) -> None:
        befriend(world, BOB, EVE)
        eve = world.connect(EVE)
        world.pump()
        assert presence(world, EVE, BOB) == [never_seen(BOB)]
        block(world, BOB, EVE)
        world.poster.raw.clear()
        world.connect(BOB)
        world.pump()
        assert presence(world, EVE, BOB, "fred") == [never_seen(BOB), never_seen("fred")]
        assert world.poster.to(eve, "friend_status_update") == []
        assert presence(world, "fred", BOB)[0]["status"] == "online"
        unblock(world, BOB, EVE)
        assert presence(world, EVE, BOB)[0]["status"] == "online"

    def test_who_shares_no_room_is_refused_whether_blocked_or_not(self) -> None:
        worlds = World(), World()
        block(worlds[0], BOB, EVE)
        answers = [each.http(rest.list_presence, EVE, multi={"user_id": [BOB]}) for each in worlds]
        assert answers[0].status == 403
        assert answers[0].body == answers[1].body


class TestReceipts:
    def readings(self, world: World, device: str) -> list[str | None]:
        return [each["reader_id"] for each in world.poster.to(device, "message_read")]

    @pytest.mark.parametrize("blocker", [BOB, EVE])
    def test_none_are_told_in_a_private_chat_that_is_blocked(
        self, world: World, blocker: UserId
    ) -> None:
        room_id = chat(world, EVE, BOB)["room_id"]
        eve, bob = world.connect(EVE), world.connect(BOB)
        message_id = sent(world, eve, room_id, delivery_receipt=True)
        block(world, blocker, EVE if blocker == BOB else BOB)
        for action in ("message_delivered", "message_read"):
            world.act(bob, action, conversation_id=room_id, message_id=message_id)
        world.pump()
        assert self.readings(world, eve) == []
        assert world.poster.to(eve, "message_delivered") == []
        [page] = world.http(rest.list_messages, EVE, room_id=room_id).body["messages"]
        assert page["is_read"] is False
        assert world.http(rest.list_rooms, BOB).body["rooms"], "the reader's own marker has moved"
        unread = {r["room_id"]: r["unread"] for r in world.http(rest.list_rooms, BOB).body["rooms"]}
        assert unread[room_id] == 0

    def test_in_a_group_only_who_is_blocked_is_not_told(self, world: World) -> None:
        block(world, BOB, EVE)
        eve, fred, bob = world.connect(EVE), world.connect("fred"), world.connect(BOB)
        first = sent(world, eve, LOBBY, delivery_receipt=True)
        last = sent(world, fred, LOBBY, delivery_receipt=True)
        for message_id in (first, last):
            world.act(bob, "message_delivered", conversation_id=LOBBY, message_id=message_id)
        world.act(bob, "message_read", conversation_id=LOBBY, message_id=last)
        world.pump()
        assert (self.readings(world, eve), self.readings(world, fred)) == ([], [BOB])
        assert world.poster.to(eve, "message_delivered") == []
        assert len(world.poster.to(fred, "message_delivered")) == 1

    def test_the_invisible_give_none(self, world: World) -> None:
        eve, bob = world.connect(EVE), world.connect(BOB)
        other = world.connect(BOB)
        message_id = sent(world, eve, LOBBY, delivery_receipt=True)
        world.act(bob, "set_status", status="offline")
        for action in ("message_delivered", "message_read"):
            world.act(bob, action, conversation_id=LOBBY, message_id=message_id)
        world.pump()
        assert self.readings(world, eve) == []
        assert world.poster.to(eve, "message_delivered") == []
        assert self.readings(world, other) == [BOB], "their own devices agree"
        [page] = world.http(rest.list_messages, EVE, room_id=LOBBY).body["messages"]
        assert page["is_read"] is False
        world.act(bob, "set_status", status="online")
        newer = sent(world, eve, LOBBY)
        world.act(bob, "message_read", conversation_id=LOBBY, message_id=newer)
        world.pump()
        assert self.readings(world, eve) == [BOB]


def test_views_of_a_private_chat_that_is_blocked_are_not_told(world: World) -> None:
    room_id = chat(world, EVE, BOB)["room_id"]
    eve, bob = world.connect(EVE), world.connect(BOB)
    world.act(eve, "join_room", room_id=room_id)
    block(world, BOB, EVE)
    world.act(bob, "join_room", room_id=room_id)
    world.act(bob, "leave_room", room_id=room_id)
    world.act(bob, "join_room", room_id=room_id)
    world.wait(30)
    assert world.poster.to(eve, "user_joined") == []


def test_who_was_there_before_the_block_is_shown_to_leave(world: World) -> None:
    room_id = chat(world, EVE, BOB)["room_id"]
    eve, bob = world.connect(EVE), world.connect(BOB)
    for device in (eve, bob):
        world.act(device, "join_room", room_id=room_id)
    world.pump()
    block(world, BOB, EVE)
    world.disconnect(bob)
    world.wait(30)
    assert [each["user_id"] for each in world.poster.to(eve, "user_left")] == [BOB]


def test_the_blocker_does_not_undo_the_block_by_asking_for_the_chat() -> None:
    world = World()
    block(world, BOB, EVE)
    room_id = chat(world, EVE, BOB)["room_id"]
    body = {"room_type": "private_chat", "participants": [EVE]}
    refused = world.http(rest.create_room, BOB, body)
    assert (refused.status, refused.body["error"]["code"]) == (409, "conflict")
    assert list(world.services.rooms.members(RoomId(room_id))) == [EVE]


def test_an_invitation_of_who_has_blocked_since_is_gone() -> None:
    world = World(added_by="invitation")
    world.room(BOB)
    world.http(rest.add_member, BOB, {"user_id": EVE}, room_id=LOBBY)
    assert invited(world, EVE) == [LOBBY]
    block(world, BOB, EVE)
    assert invited(world, EVE) == []
    assert accept(world, EVE, LOBBY).status == 404


Planted = Callable[[World], Plan]


def insist(world: World, endpoint: rest.Endpoint, user: str, body: Any = None, **parts: Any) -> Any:
    for _ in range(3):
        with contextlib.suppress(Killed):
            answer = world.http(endpoint, user, body, **parts)
            if answer.status < 500:
                return answer
    raise AssertionError("one fault cannot refuse a request three times")


@pytest.mark.parametrize("how", How)
def test_a_block_holds_after_its_repeat(how: How) -> None:
    def case(planted: Planted) -> None:
        world = World()
        befriend(world, BOB, EVE)
        room_id = chat(world, EVE, BOB)["room_id"]
        eve = world.connect(EVE)
        sent(world, eve, room_id)  # the grant is cached
        world.pump()
        plan = planted(world)
        assert insist(world, consents.put_block, BOB, user_id=EVE).status == 200
        plan.over = True
        world.wait(60)
        refused = world.ask(eve, "send_message", conversation_id=room_id, **TEXT)
        assert refused["data"].get("code") == "permission_denied"
        assert world.services.friends.of(EVE) == []

    assert {"consents.put", "outbound.send", "friends.remove"} <= set(at_every_call(how, case))


@pytest.mark.parametrize("how", [How.KILLED_BEFORE, How.KILLED_AFTER])
def test_a_block_that_was_written_is_completed_by_its_job(how: How) -> None:
    """Whoever blocked is not asked again: the process died, and so did the client."""

    def case(planted: Planted) -> None:
        world = World()
        befriend(world, BOB, EVE)
        room_id = chat(world, EVE, BOB)["room_id"]
        eve = world.connect(EVE)
        sent(world, eve, room_id)
        world.pump()
        plan = planted(world)
        with contextlib.suppress(Killed):
            world.http(consents.put_block, BOB, user_id=EVE)
        plan.over = True
        world.wait(60)
        answer = world.ask(eve, "send_message", conversation_id=room_id, **TEXT)
        blocked = world.http(consents.list_blocks, BOB).body["blocks"] != []
        assert (answer["event"] == "error") == blocked
        assert (world.services.friends.of(EVE) == []) == blocked

    at_every_call(how, case)


@pytest.mark.parametrize("how", How)
def test_an_invitation_is_there_and_told_after_its_repeat(how: How) -> None:
    def case(planted: Planted) -> None:
        world = World(added_by="invitation")
        world.room("alice")
        bob = world.connect(BOB)
        world.pump()
        plan = planted(world)
        answer = insist(world, rest.add_member, "alice", {"user_id": BOB}, room_id=LOBBY)
        assert answer.status == 202
        plan.over = True
        world.wait(120)
        assert invited(world, BOB) == [LOBBY]
        told = world.poster.to(bob, "room_invitation")
        assert told
        assert all(each == told[0] for each in told)

    assert {"consents.put", "outbound.send"} <= set(at_every_call(how, case))


@pytest.mark.parametrize("how", How)
def test_who_accepts_is_in_after_the_repeat(how: How) -> None:
    def case(planted: Planted) -> None:
        world = World(added_by="invitation")
        world.room("alice", BOB)
        alice = world.connect("alice")
        world.http(rest.add_member, "alice", {"user_id": EVE}, room_id=LOBBY)
        world.pump()
        plan = planted(world)
        joined = insist(world, consents.accept_invitation, EVE, room_id=LOBBY)
        assert joined.status == 201
        plan.over = True
        world.wait(120)
        assert EVE in world.services.rooms.members(RoomId(LOBBY))
        assert invited(world, EVE) == []
        changes = [each["user_id"] for each in world.poster.to(alice, "room_updated")]
        assert EVE in changes

    assert {"rooms.add_member", "consents.put"} <= set(at_every_call(how, case))


def test_a_block_holds_while_redis_is_away(world: World) -> None:
    """The job that invalidates the cached chat is tried until Redis is back."""
    room_id = chat(world, EVE, BOB)["room_id"]
    eve = world.connect(EVE)
    sent(world, eve, room_id)
    bump, world.cache.bump = world.cache.bump, _away
    block(world, BOB, EVE)
    world.wait(30)
    world.cache.bump = bump
    world.wait(120)
    refused = world.ask(eve, "send_message", conversation_id=room_id, **TEXT)
    assert refused["data"]["code"] == "permission_denied"


def _away(room_id: RoomId) -> str:
    raise CacheDown("away")


class TestRegions:
    @pytest.fixture
    def deployment(self) -> Deployment:
        """bob and eve chat; all of it is in both regions."""
        deployment = Deployment(US, EU)
        us = deployment.worlds[US]
        befriend(us, BOB, EVE)
        chat(us, EVE, BOB)
        deployment.replicate_all()
        deployment.wait(1)
        return deployment

    def test_a_block_takes_effect_in_the_other_region(self, deployment: Deployment) -> None:
        us, eu = deployment.worlds[US], deployment.worlds[EU]
        room_id = chat(eu, EVE, BOB)["room_id"]
        eve = eu.connect(EVE)
        sent(eu, eve, room_id)
        block(us, BOB, EVE)
        deployment.replicate_all()
        refused = eu.ask(eve, "send_message", conversation_id=room_id, **TEXT)
        assert refused["data"].get("code") == "permission_denied"
        assert eu.services.friends.of(EVE) == []
        unblock(eu, BOB, EVE)
        deployment.replicate_all()
        assert us.http(consents.list_blocks, BOB).body == {"blocks": []}
        assert eu.ask(eve, "send_message", conversation_id=room_id, **TEXT)["event"] == "ack"

    def test_of_two_decisions_at_once_both_regions_keep_the_stricter(
        self, deployment: Deployment
    ) -> None:
        us, eu = deployment.worlds[US], deployment.worlds[EU]
        block(us, BOB, EVE)
        deployment.replicate_all()
        eu.clock.ms = us.clock.ms = max(us.clock.ms, eu.clock.ms) + 1_000
        unblock(eu, BOB, EVE)
        unblock(us, BOB, EVE)
        block(us, BOB, EVE)
        choose(us, BOB, "invitation")
        choose(eu, BOB, "everybody")
        deployment.replicate_all()
        for world in (us, eu):
            listed = world.http(consents.list_blocks, BOB).body["blocks"]
            assert [each["user_id"] for each in listed] == [EVE]
            assert world.http(consents.show_consent, BOB).body == {"added_by": "invitation"}

    def test_an_invitation_is_told_and_accepted_in_the_other_region(
        self, deployment: Deployment
    ) -> None:
        us, eu = deployment.worlds[US], deployment.worlds[EU]
        choose(eu, BOB, "invitation")
        deployment.replicate_all()
        bob = eu.connect(BOB)
        us.room("alice", EVE)
        answer = us.http(rest.add_member, "alice", {"user_id": BOB}, room_id=LOBBY)
        assert answer.status == 202
        deployment.replicate_all()
        deployment.wait(60)
        assert [each["room_id"] for each in eu.poster.to(bob, "room_invitation")] == [LOBBY]
        assert accept(eu, BOB, LOBBY).status == 201
        deployment.replicate_all()
        assert invited(us, BOB) == invited(eu, BOB) == []
        assert BOB in us.services.rooms.members(RoomId(LOBBY))

    def test_a_chat_that_is_not_all_here_is_completed_as_it_was_made(
        self, deployment: Deployment
    ) -> None:
        """The room has come, its memberships have not; nobody is asked for what they have."""
        us, eu = deployment.worlds[US], deployment.worlds[EU]
        made = chat(us, "zoe", BOB)
        for write in list(deployment.deliverable()):
            if write.key[0] == "rooms":
                deployment.replicate(write)
        again = chat(eu, BOB, "zoe")
        assert (again["room_id"], members(again)) == (made["room_id"], [BOB, "zoe"])
        deployment.replicate_all()
        [one, other] = us.services.rooms.members(RoomId(made["room_id"])).values()
        assert one == other == "owner"
