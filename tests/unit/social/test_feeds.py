"""Moments and notifications: who posts, who reads, who is told, and what comes after."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel import ids
from tests.support.world import World


@pytest.fixture
def world() -> World:
    """alice and bob are friends; eve is nobody's."""
    world = World()
    befriend(world, "alice", "bob")
    return world


def befriend(world: World, one: str, other: str) -> None:
    world.http(rest.put_friend, one, user_id=other)
    world.http(rest.put_friend, other, user_id=one)
    world.pump()


def moment(world: World, user: str, text: str, **more: Any) -> Any:
    answer = world.http(rest.post_moment, user, {"content": {"text": text}, **more})
    assert answer.status == 201, answer
    world.clock.ms += 1
    return answer.body


def feed(world: World, user: str, **query: str) -> list[str]:
    answer = world.http(rest.list_moments, user, query=query)
    assert answer.status == 200, answer
    return [each["content"]["text"] for each in answer.body["moments"]]


def notify(world: World, user: str, content: Any, **more: Any) -> Any:
    body = {"user_id": user, "content": content, **more}
    return world.http(rest.post_notification, "mailer", body, roles=["service"])


def test_a_moment_reaches_friends_and_one_s_other_devices(world: World) -> None:
    alice, bob, eve = (world.connect(user) for user in ("alice", "bob", "eve"))
    posted = moment(world, "alice", "hello")
    world.pump()
    for device in (alice, bob):
        [got] = world.poster.to(device, "moment_posted")
        assert got["content"] == {"text": "hello"}
        assert (got["sender_id"], got["message_id"]) == ("alice", posted["message_id"])
    assert world.poster.to(eve) == []
    assert (feed(world, "alice"), feed(world, "bob"), feed(world, "eve")) == (
        ["hello"],
        ["hello"],
        [],
    )


def test_one_posted_twice_with_a_client_id_is_one(world: World) -> None:
    first = moment(world, "alice", "x", client_message_id="c1")
    assert moment(world, "alice", "x", client_message_id="c1")["message_id"] == first["message_id"]
    assert feed(world, "bob") == ["x"]


def test_the_feed_is_paged_over_all_friends_newest_first(world: World) -> None:
    befriend(world, "alice", "carol")
    befriend(world, "alice", "quiet")
    expected = []
    for number in range(25):
        author = ("alice", "bob", "carol")[number % 3 if number < 20 else 1]
        moment(world, author, str(number))
        expected.insert(0, str(number))
    assert feed(world, "alice") == expected
    for limit in (1, 2, 7, 24, 25):
        pages: list[str] = []
        query = {"limit": str(limit)}
        while True:
            body = world.http(rest.list_moments, "alice", query=query).body
            pages += [each["content"]["text"] for each in body["moments"]]
            assert len(body["moments"]) <= limit
            if not body["more"]:
                break
            query["before"] = body["next"]
        assert pages == expected, limit


def test_who_was_offline_gets_them_with_the_next_sync(world: World) -> None:
    bob = world.connect("bob")
    before = world.act(bob, "sync", positions={})["conversations"]
    world.disconnect(bob)
    moment(world, "alice", "missed")
    notify(world, "bob", "due")
    world.pump()
    bob = world.connect("bob")
    positions = {room: caught["position"] for room, caught in before.items()}
    caught = world.act(bob, "sync", positions=positions)["conversations"]
    [missed] = caught[ids.moments_room_id("alice")]["messages"]
    assert missed["content"] == {"text": "missed"}
    everything = world.act(bob, "sync", positions={})["conversations"]
    [due] = everything[ids.notifications_room_id("bob")]["messages"]
    assert due["content"] == "due"


def test_the_end_of_a_friendship_ends_moments_at_once(world: World) -> None:
    bob = world.connect("bob")
    moment(world, "alice", "before")
    world.pump()
    room = ids.moments_room_id("alice")
    assert world.act(bob, "join_room", room_id=room)
    world.http(rest.remove_friend, "bob", user_id="alice")
    moment(world, "alice", "after")
    world.pump()
    assert [m["content"]["text"] for m in world.poster.to(bob, "moment_posted")] == ["before"]
    assert feed(world, "bob") == []
    answer = world.ask(bob, "join_room", room_id=room)
    assert answer["data"]["code"] == "permission_denied"
    refused = world.act(bob, "sync", positions={room: ""})["conversations"][room]
    assert refused["error"]["code"] == "permission_denied"
    world.http(rest.put_friend, "bob", user_id="alice")
    assert feed(world, "bob") == ["after", "before"]


def test_a_friendship_that_ended_while_redis_was_away_is_over_soon_after(world: World) -> None:
    bob = world.connect("bob")
    moment(world, "alice", "before")
    world.pump()
    world.cache.down = True
    world.http(rest.remove_friend, "bob", user_id="alice")
    world.wait(60)
    world.cache.down = False  # with who read alice's moments
    world.wait(16)
    moment(world, "alice", "after")
    world.pump()
    assert [m["content"]["text"] for m in world.poster.to(bob, "moment_posted")] == ["before"]


@pytest.mark.parametrize("room_of", [ids.moments_room_id, ids.notifications_room_id])
def test_readers_do_not_write(world: World, room_of: Any) -> None:
    moment(world, "alice", "x")
    notify(world, "bob", "x")
    bob = world.connect("bob")
    room = room_of("alice" if room_of is ids.moments_room_id else "bob")
    for action, data in [
        ("send_message", {"message_type": "text", "content": "x"}),
        ("typing_start", {}),
        ("typing_stop", {}),
    ]:
        answer = world.ask(bob, action, conversation_id=room, **data)
        assert answer["data"]["code"] == "permission_denied", action
    body = {"message_type": "text", "content": "x"}
    assert world.http(rest.post_message, "bob", body, room_id=room).status == 403
    listed = world.http(rest.list_messages, "bob", room_id=room)
    assert len(listed.body["messages"]) == 1
    message_id = listed.body["messages"][0]["message_id"]
    answer = world.ask(bob, "delete_message", conversation_id=room, message_id=message_id)
    assert answer["data"]["code"] == "permission_denied"
    for change in (
        world.http(rest.add_member, "alice", {"user_id": "eve"}, room_id=room),
        world.http(rest.remove_member, "bob", room_id=room, user_id="bob"),
    ):
        assert change.status in (403, 409)


def test_the_owner_deletes_his_moment(world: World) -> None:
    bob = world.connect("bob")
    posted = moment(world, "alice", "regretted")
    alice = world.connect("alice")
    ref = {"conversation_id": posted["conversation_id"], "message_id": posted["message_id"]}
    world.act(alice, "delete_message", **ref)
    world.pump()
    assert [each["message_id"] for each in world.poster.to(bob, "message_deleted")] == [
        posted["message_id"]
    ]
    [left] = world.http(rest.list_moments, "bob").body["moments"]
    assert (left["is_deleted"], left["content"]) == (True, None)


def test_a_friend_s_moments_do_not_show_who_else_is_a_friend(world: World) -> None:
    befriend(world, "alice", "carol")
    moment(world, "alice", "x")
    room = ids.moments_room_id("alice")
    answer = world.http(rest.get_room, "bob", room_id=room)
    assert [each["user_id"] for each in answer.body["participants"]] == ["alice"]
    assert world.http(rest.get_room, "eve", room_id=room).status == 403


def test_a_notification_is_for_one_user_from_services_only(world: World) -> None:
    bob, alice = world.connect("bob"), world.connect("alice")
    posted = notify(world, "bob", {"title": "Hi"}, message_type="greeting")
    assert posted.status == 201
    world.pump()
    [got] = world.poster.to(bob, "notification")
    assert (got["content"], got["message_type"], got["sender_id"]) == (
        {"title": "Hi"},
        "greeting",
        "mailer",
    )
    assert world.poster.to(alice, "notification") == []
    for roles in ([], ["admin"]):
        body = {"user_id": "bob", "content": "x"}
        answer = world.http(rest.post_notification, "bob", body, roles=roles)
        assert (answer.status, answer.body["error"]["code"]) == (403, "permission_denied")
    listed = world.http(rest.list_notifications, "bob").body
    assert [each["content"] for each in listed["notifications"]] == [{"title": "Hi"}]
    assert world.http(rest.list_notifications, "alice").body["notifications"] == []
    room = ids.notifications_room_id("bob")
    assert world.http(rest.list_messages, "alice", room_id=room).status == 403


@pytest.mark.parametrize("prefix", ["p-", "m-", "n-"])
def test_nobody_chooses_a_room_id_that_means_somebody(world: World, prefix: str) -> None:
    body = {"room_type": "group_chat", "participants": [], "room_id": prefix + "0" * 32}
    answer = world.http(rest.create_room, "eve", body)
    assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")
