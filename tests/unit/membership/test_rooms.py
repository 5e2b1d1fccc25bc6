"""Who is in a room: its members hear of it, and a kicked one is out at once."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel import ids
from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.rooms import Role, Room, RoomType
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def send(world: World, connection: str, text: str, **more: str) -> dict:
    data = {"conversation_id": "lobby", "message_type": "text", "content": text, **more}
    return world.act(connection, "send_message", **data)


def test_who_is_in_a_new_room_is_told(world: World) -> None:
    alice, bob, eve = (world.connect(user) for user in ("alice", "bob", "eve"))
    world.room("alice", "bob")
    for device in (alice, bob):
        [told] = world.poster.to(device, "room_updated")
        assert (told["room_id"], told["change"], told["user_id"]) == ("lobby", "created", "alice")
    assert world.poster.to(eve) == []


def test_a_kicked_member_is_out_at_once(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    send(world, bob, "still here")
    world.pump()
    assert world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob").status == 200
    answer = world.ask(bob, "send_message", conversation_id="lobby", message_type="t", content="x")
    assert answer["data"]["code"] == "permission_denied"
    send(world, alice, "without bob")
    world.pump()
    assert world.poster.to(bob, "message_received") == []
    assert [e["change"] for e in world.poster.to(bob, "room_updated")] == ["member_removed"]


def test_a_kick_whose_version_was_lost_holds_from_its_job_on(world: World) -> None:
    """Redis was away when the member was removed, and came back with what it had."""
    world.room("alice", "bob")
    bob = world.connect("bob")
    send(world, bob, "still here")
    world.pump()
    world.cache.down = True
    assert world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob").status == 200
    world.cache.down = False
    world.pump()
    answer = world.ask(bob, "send_message", conversation_id="lobby", message_type="t", content="x")
    assert answer["data"]["code"] == "permission_denied"


def test_a_kick_while_redis_is_away_holds_soon_after_it_is_back(world: World) -> None:
    """It came back with what it had: members, grants, and who has the room open."""
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "join_room", room_id="lobby")
    world.act(bob, "join_room", room_id="lobby")
    send(world, bob, "still here")
    world.pump()
    world.cache.down = True
    assert world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob").status == 200
    world.wait(120)
    world.cache.down = False
    world.wait(16)
    answer = world.ask(bob, "send_message", conversation_id="lobby", message_type="t", content="x")
    assert answer["data"]["code"] == "permission_denied"
    world.act(alice, "typing_start", conversation_id="lobby")
    world.pump()
    assert world.poster.to(bob, "typing") == []
    assert world.adapters.outbound.jobs == []


def test_a_kicked_member_s_view_of_the_room_ends(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "join_room", room_id="lobby")
    world.act(bob, "join_room", room_id="lobby")
    world.pump()
    assert world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob").status == 200
    world.pump()
    assert [each["user_id"] for each in world.poster.to(alice, "user_left")] == ["bob"]
    world.act(alice, "typing_start", conversation_id="lobby")
    world.pump()
    assert world.poster.to(bob, "typing") == []


def test_a_private_chat_of_another_region_whose_members_have_not_arrived() -> None:
    """Its room was replicated first; creating it here must not be refused."""
    world = World(regions=(Region("us-east-1"), Region("eu-west-1")))
    chat = RoomId(ids.private_room_id(UserId("alice"), UserId("bob")))
    room = Room(chat, RoomType.PRIVATE_CHAT, UserId("bob"), world.clock.ms - 500)
    world.adapters.rooms.create(room, [])
    body = {"room_type": "private_chat", "participants": ["bob"]}
    answer = world.http(rest.create_room, "alice", body)
    assert (answer.status, answer.body["room_id"]) == (201, chat)
    members = world.adapters.rooms.members(chat)
    assert {(m.user_id, m.role, m.joined_at_ms) for m in members} == {
        (user, Role.OWNER, room.created_at_ms) for user in ("alice", "bob")
    }
