"""Invitations: made once, answered once, bounded."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel.errors import Unavailable
from chalicelib.membership import invitations as module
from chalicelib.model.identifiers import RoomId, UserId
from tests.support.consents import accept, chat, choose, decline, invitations, invited, members
from tests.support.world import World

GROUP = {"room_type": "group_chat", "participants": ["bob", "fred"], "metadata": {"name": "Tea"}}


@pytest.fixture
def world() -> World:
    world = World()
    choose(world, "bob", "invitation")
    return world


def group(world: World, by: str = "alice", **more: Any) -> str:
    made = world.http(rest.create_room, by, {**GROUP, **more})
    assert made.status == 201, made
    return str(made.body["room_id"])


def test_a_participant_who_must_agree_is_invited(world: World) -> None:
    made = world.http(rest.create_room, "alice", GROUP)
    assert members(made.body) == ["alice", "fred"]
    assert made.body["invited"] == ["bob"]
    room_id = made.body["room_id"]
    [shown] = invitations(world, "bob")
    assert shown["room_id"] == room_id
    assert (shown["invited_by"], shown["metadata"]) == ("alice", {"name": "Tea"})
    assert world.http(rest.get_room, "bob", room_id=room_id).status == 403
    assert world.http(rest.list_rooms, "bob").body == {"rooms": [], "next": None}
    joined = accept(world, "bob", room_id)
    assert (joined.status, joined.body["role"]) == (201, "member")
    assert world.http(rest.get_room, "bob", room_id=room_id).status == 200
    assert invited(world, "bob") == []
    assert accept(world, "bob", room_id).body == joined.body, "idempotent for a member"


def test_the_invited_user_and_then_the_room_are_told_once(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    room_id = group(world)
    world.wait(60)
    [told] = world.poster.to(bob, "room_invitation")
    assert (told["room_id"], told["invited_by"]) == (room_id, "alice")
    accept(world, "bob", room_id)
    accept(world, "bob", room_id)
    world.wait(60)
    added = [each for each in world.poster.to(alice, "room_updated") if each["user_id"] == "bob"]
    assert [each["change"] for each in added] == ["member_added"]
    assert len(world.poster.to(bob, "room_invitation")) == 1


def test_an_invitation_is_not_repeated(world: World) -> None:
    bob = world.connect("bob")
    room_id = group(world)
    for _ in range(3):
        answer = world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=room_id)
        assert (answer.status, answer.body) == (202, {"room_id": room_id, "user_id": "bob"})
        world.wait(30)
    assert invited(world, "bob") == [room_id]
    assert len(world.poster.to(bob, "room_invitation")) == 1


def test_what_was_declined_is_not_asked_again_until_it_expires(world: World) -> None:
    bob = world.connect("bob")
    room_id = group(world)
    assert decline(world, "bob", room_id).status == 200
    assert decline(world, "bob", room_id).status == 404
    assert accept(world, "bob", room_id).status == 404
    again = world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=room_id)
    assert again.status == 202, "the inviter sees no difference"
    assert invited(world, "bob") == []
    world.wait(60)
    assert world.poster.to(bob, "room_invitation") == []
    world.clock.ms += module.VALID_S * 1000
    world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=room_id)
    assert invited(world, "bob") == [room_id]


def test_an_invitation_expires(world: World) -> None:
    room_id = group(world)
    world.clock.ms += module.VALID_S * 1000 - 1_000
    assert invited(world, "bob") == [room_id]
    world.clock.ms += 1_000
    assert invited(world, "bob") == []
    assert accept(world, "bob", room_id).status == 404


def test_removing_an_invited_user_withdraws_the_invitation(world: World) -> None:
    room_id = group(world)
    assert world.http(rest.remove_member, "alice", room_id=room_id, user_id="bob").status == 200
    assert invited(world, "bob") == []
    assert accept(world, "bob", room_id).status == 404
    world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=room_id)
    assert invited(world, "bob") == [room_id]


def test_who_was_never_invited_learns_nothing(world: World) -> None:
    room_id = group(world)
    for name in (room_id, "nowhere"):
        refused = accept(world, "eve", name)
        assert (refused.status, refused.body["error"]["code"]) == (404, "not_found")
        assert decline(world, "eve", name).body == refused.body
        assert accept(world, "eve", name).body == refused.body


def test_one_user_invites_another_a_few_times_and_all_together_some_more(world: World) -> None:
    for _ in range(module.MAX_FROM_ONE):
        group(world)
    refused = world.http(rest.create_room, "alice", {**GROUP, "room_id": "last"})
    assert (refused.status, refused.body["error"]["code"]) == (409, "conflict")
    assert world.adapters.rooms.get(RoomId("last")) is None, "checked before anything is written"
    for number in range(module.MAX_PENDING - module.MAX_FROM_ONE):
        group(world, f"host{number}")
    assert world.http(rest.create_room, "zoe", GROUP).status == 409
    assert len(invited(world, "bob")) == module.MAX_PENDING
    decline(world, "bob", invited(world, "bob")[0])
    group(world, "zoe")


def test_one_request_invites_so_many_and_writes_nothing_if_there_are_more() -> None:
    world = World(added_by="invitation")
    users = [f"u{number}" for number in range(module.MAX_INVITED + 1)]
    refused = world.http(rest.create_room, "alice", {**GROUP, "participants": users})
    assert (refused.status, refused.body["error"]["code"]) == (409, "conflict")
    assert world.http(rest.list_rooms, "alice").body == {"rooms": [], "next": None}
    made = world.http(rest.create_room, "alice", {**GROUP, "participants": users[1:]})
    assert (made.status, len(made.body["invited"])) == (201, module.MAX_INVITED)


def test_an_invitation_ends_when_its_user_is_in_whatever_way(world: World) -> None:
    """Otherwise who is removed lets themselves in again."""
    room_id = group(world)
    choose(world, "bob", "everybody")
    added = world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=room_id)
    assert added.status == 201
    assert world.http(rest.remove_member, "alice", room_id=room_id, user_id="bob").status == 200
    assert accept(world, "bob", room_id).status == 404


def test_withdrawing_does_not_make_a_declined_one_new(world: World) -> None:
    room_id = group(world)
    decline(world, "bob", room_id)
    world.http(rest.remove_member, "alice", room_id=room_id, user_id="bob")
    world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=room_id)
    assert invited(world, "bob") == []


def test_the_limit_concerns_new_invitations_only_and_does_not_tell_of_a_decline(
    world: World,
) -> None:
    rooms = [group(world) for _ in range(module.MAX_FROM_ONE)]
    again = world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=rooms[0])
    assert again.status == 202, "it waits already"
    decline(world, "bob", rooms[0])
    assert world.http(rest.create_room, "alice", GROUP).status == 409, "as before"
    again = world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=rooms[0])
    assert again.status == 202


def test_a_declined_one_expires_when_it_would_have(world: World) -> None:
    room_id = group(world)
    world.clock.ms += (module.VALID_S - 60) * 1000
    decline(world, "bob", room_id)
    world.clock.ms += 60_000
    world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=room_id)
    assert invited(world, "bob") == [room_id]


def test_a_telling_that_failed_is_made_up_for(world: World, monkeypatch: Any) -> None:
    bob = world.connect("bob")
    room_id = group(world)
    tell, failed = world.services.telling.tell, []

    def fails_once(*arguments: Any, **more: Any) -> None:
        if not failed:
            failed.append(arguments)
            raise Unavailable("the first post fails")
        tell(*arguments, **more)

    monkeypatch.setattr(world.services.telling, "tell", fails_once)
    world.wait(120)
    assert failed
    assert [each["room_id"] for each in world.poster.to(bob, "room_invitation")][:1] == [room_id]


def test_a_private_chat_waits_for_the_other_one(world: World) -> None:
    room = chat(world, "alice", "bob")
    room_id = room["room_id"]
    assert (members(room), room["invited"]) == (["alice"], ["bob"])
    alice, bob = world.connect("alice"), world.connect("bob")
    text = {"conversation_id": room_id, "message_type": "text", "content": "hello?"}
    assert world.ask(alice, "send_message", **text)["event"] == "ack"
    world.pump()
    assert world.poster.to(bob, "message_received") == []
    assert chat(world, "alice", "bob")["invited"] == ["bob"], "asking again changes nothing"
    assert accept(world, "bob", room_id).body["role"] == "owner"
    page = world.http(rest.list_messages, "bob", room_id=room_id).body["messages"]
    assert [each["content"] for each in page] == ["hello?"]
    world.act(alice, "send_message", **text)
    world.pump()
    assert len(world.poster.to(bob, "message_received")) == 1


def test_asking_for_the_chat_oneself_is_an_answer(world: World) -> None:
    room_id = chat(world, "alice", "bob")["room_id"]
    decline(world, "bob", room_id)
    room = chat(world, "bob", "alice")
    assert (members(room), room["invited"]) == (["alice", "bob"], [])


def test_a_member_who_left_is_asked_before_they_are_back(world: World) -> None:
    room_id = group(world)
    accept(world, "bob", room_id)
    assert world.http(rest.remove_member, "bob", room_id=room_id, user_id="bob").status == 200
    again = world.http(rest.add_member, "alice", {"user_id": "bob"}, room_id=room_id)
    assert (again.status, invited(world, "bob")) == (202, [room_id])


def test_accepting_keeps_the_limits_of_user_and_room() -> None:
    world = World(max_rooms=2, max_members=3)
    choose(world, "bob", "invitation")
    full = group(world)
    world.http(rest.add_member, "alice", {"user_id": "zoe"}, room_id=full)
    assert accept(world, "bob", full).status == 409
    open_ = group(world, "zed")
    for _ in range(2):
        world.http(rest.create_room, "bob", {**GROUP, "participants": []})
    assert accept(world, "bob", open_).status == 409
    assert set(invited(world, "bob")) == {open_, full}, "they still wait"


def test_who_dies_after_the_write_has_queued_the_telling(world: World) -> None:
    bob = world.connect("bob")
    room_id = RoomId(group(world))
    world.adapters.outbound.jobs = [j for j in world.adapters.outbound.jobs if j.delay_s]
    world.wait(60)
    assert [each["room_id"] for each in world.poster.to(bob, "room_invitation")] == [room_id]


def test_an_invitation_that_is_written_late_is_told(world: World) -> None:
    bob = UserId("bob")
    device = world.connect(bob)
    room_id = RoomId(group(world))
    held = dict(world.adapters.consents.under(bob, "invitation:"))
    [(about, decided)] = held.items()
    world.services.invitations.settle(bob, room_id)
    world.adapters.outbound.jobs = [j for j in world.adapters.outbound.jobs if j.delay_s]
    world.adapters.consents._items.delete(bob, about)
    world.wait(30)
    assert world.poster.to(device, "room_invitation") == []
    world.adapters.consents.put(bob, about, decided)
    world.wait(120)
    assert len(world.poster.to(device, "room_invitation")) == 1
