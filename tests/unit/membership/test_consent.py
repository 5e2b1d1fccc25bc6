"""Who may add whom, and what a block ends."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import consents, rest
from chalicelib.membership import consent
from chalicelib.model.consents import AddedBy, Decided, block_of
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
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def added(world: World, by: str, user: str) -> int:
    """The status of adding a user to a new group of `by`."""
    group = world.http(rest.create_room, by, {"room_type": "group_chat", "participants": []})
    room_id = group.body["room_id"]
    return int(world.http(rest.add_member, by, {"user_id": user}, room_id=room_id).status)


@pytest.mark.parametrize(
    ("chosen", "stranger", "friend"),
    [(None, 201, 201), ("everybody", 201, 201), ("friends", 202, 201), ("invitation", 202, 202)],
)
def test_who_may_add(world: World, chosen: str | None, stranger: int, friend: int) -> None:
    befriend(world, "bob", "fred")
    choose(world, "bob", chosen)
    assert added(world, "eve", "bob") == stranger
    assert added(world, "fred", "bob") == friend


@pytest.mark.parametrize("default", AddedBy)
def test_the_deployment_says_what_holds_for_who_has_not_chosen(default: AddedBy) -> None:
    world = World(added_by=default)
    shown = world.http(consents.show_consent, "bob")
    assert (shown.status, shown.body) == (200, {"added_by": default})
    assert added(world, "eve", "bob") == (201 if default is AddedBy.EVERYBODY else 202)
    choose(world, "bob", "everybody")
    assert added(world, "eve", "bob") == 201
    choose(world, "bob", None)
    assert world.http(consents.show_consent, "bob").body == {"added_by": default}


def test_a_request_of_friendship_makes_no_friend(world: World) -> None:
    choose(world, "bob", "friends")
    world.http(rest.put_friend, "eve", user_id="bob")
    assert added(world, "eve", "bob") == 202
    world.http(rest.put_friend, "zoe", user_id="eve")
    world.http(rest.put_friend, "bob", user_id="zoe")
    assert added(world, "zoe", "bob") == 202


def test_a_service_admin_adds_anybody(world: World) -> None:
    choose(world, "bob", "invitation")
    block(world, "bob", "root")
    group = {"room_type": "group_chat", "participants": ["bob"]}
    made = world.http(rest.create_room, "root", group, roles=["admin"])
    assert (members(made.body), made.body["invited"]) == (["bob", "root"], [])


@pytest.mark.parametrize("body", [{}, {"added_by": "nobody"}, {"added_by": 1}, {"other": None}])
def test_what_is_no_choice_is_refused(world: World, body: Any) -> None:
    answer = world.http(consents.put_consent, "bob", body)
    assert (answer.status, answer.body["error"]["code"]) == (400, "bad_request")


def test_who_is_blocked_can_only_invite_and_is_not_shown(world: World) -> None:
    block(world, "bob", "eve")
    assert added(world, "eve", "bob") == 202
    assert invited(world, "bob") == []
    assert added(world, "fred", "bob") == 201


def test_nobody_adds_whom_they_have_blocked(world: World) -> None:
    block(world, "bob", "eve")
    assert added(world, "bob", "eve") == 409
    for body in (
        {"room_type": "private_chat", "participants": ["eve"]},
        {"room_type": "group_chat", "participants": ["fred", "eve"]},
    ):
        answer = world.http(rest.create_room, "bob", body)
        assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")
        assert "eve" in answer.body["error"]["message"]


def test_a_block_ends_the_friendship_and_its_end_does_not_bring_it_back(world: World) -> None:
    befriend(world, "bob", "eve")
    block(world, "bob", "eve")
    assert not world.services.friends.are(UserId("bob"), UserId("eve"))
    again = world.http(rest.put_friend, "bob", user_id="eve")
    assert (again.status, again.body["error"]["code"]) == (409, "conflict")
    unblock(world, "bob", "eve")
    assert world.http(rest.list_friends, "eve").body["friends"][0]["status"] == "requested"
    assert world.http(rest.put_friend, "bob", user_id="eve").body["status"] == "friends"


def test_a_request_of_who_is_blocked_is_not_shown(world: World) -> None:
    block(world, "bob", "eve")
    asked = world.http(rest.put_friend, "eve", user_id="bob")
    assert (asked.status, asked.body["status"]) == (200, "requested")
    assert world.http(rest.list_friends, "bob").body == {"friends": [], "next": None}
    unblock(world, "bob", "eve")
    assert world.http(rest.list_friends, "bob").body["friends"][0]["status"] == "incoming"


def test_blocks_are_listed_and_idempotent(world: World) -> None:
    block(world, "bob", "zed")
    first = world.http(consents.put_block, "bob", user_id="eve").body
    world.clock.ms += 5_000
    assert world.http(consents.put_block, "bob", user_id="eve").body == first
    assert [each["user_id"] for each in listed(world)] == ["eve", "zed"]
    for _ in range(2):
        unblock(world, "bob", "eve")
    assert [each["user_id"] for each in listed(world)] == ["zed"]
    assert world.http(consents.list_blocks, "zed").body == {"blocks": []}


def listed(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.http(consents.list_blocks, "bob").body["blocks"]
    return found


def test_nobody_blocks_themselves_or_without_end(world: World) -> None:
    assert world.http(consents.put_block, "bob", user_id="bob").status == 409
    for number in range(consent.MAX_BLOCKS):
        decided = Decided("blocked", world.clock.ms)
        world.adapters.consents.put(UserId("bob"), block_of(UserId(f"u{number}")), decided)
    refused = world.http(consents.put_block, "bob", user_id="eve")
    assert (refused.status, refused.body["error"]["code"]) == (409, "conflict")
    assert world.http(consents.put_block, "bob", user_id="u7").status == 200
    unblock(world, "bob", "u7")
    assert world.http(consents.put_block, "bob", user_id="eve").status == 200


def test_blocks_that_were_taken_back_do_not_grow_without_end(world: World) -> None:
    for number in range(2 * consent.MAX_BLOCKS):
        about = block_of(UserId(f"u{number}"))
        world.adapters.consents.put(UserId("bob"), about, Decided("", world.clock.ms))
    assert world.http(consents.put_block, "bob", user_id="eve").status == 409
    assert world.http(consents.put_block, "bob", user_id="u7").status == 200


def test_a_clock_that_went_back_does_not_bring_a_block_back(world: World) -> None:
    block(world, "bob", "eve")
    world.clock.ms -= 60_000
    unblock(world, "bob", "eve")
    assert world.http(consents.list_blocks, "bob").body == {"blocks": []}
    block(world, "bob", "eve")
    assert [each["user_id"] for each in listed(world)] == ["eve"]


def test_both_only_read_a_private_chat_while_one_blocks_the_other(world: World) -> None:
    room_id = chat(world, "eve", "bob")["room_id"]
    bob, eve = world.connect("bob"), world.connect("eve")
    text = {"conversation_id": room_id, "message_type": "text", "content": "x"}
    assert world.ask(eve, "send_message", **text)["event"] == "ack"
    block(world, "bob", "eve")
    for device in (bob, eve):
        for action in ("send_message", "typing_start"):
            data = text if action == "send_message" else {"conversation_id": room_id}
            refused = world.ask(device, action, **data)["data"]
            assert refused["code"] == "permission_denied", (action, refused)
        assert world.ask(device, "sync", positions={})["event"] == "ack"
    posted = {"message_type": "text", "content": "x"}
    assert world.http(rest.post_message, "eve", posted, room_id=room_id).status == 403
    assert world.http(rest.list_messages, "eve", room_id=room_id).status == 200
    unblock(world, "bob", "eve")
    assert world.ask(eve, "send_message", **text)["event"] == "ack"


def test_a_chat_begun_by_who_is_blocked_has_one_member(world: World) -> None:
    block(world, "bob", "eve")
    room = chat(world, "eve", "bob")
    assert (members(room), room["invited"]) == (["eve"], ["bob"])
    assert accept(world, "bob", room["room_id"]).status == 404
    unblock(world, "bob", "eve")
    assert invited(world, "bob") == [room["room_id"]]
    assert accept(world, "bob", room["room_id"]).status == 201
    assert world.services.rooms.members(RoomId(room["room_id"])).keys() == {"bob", "eve"}
