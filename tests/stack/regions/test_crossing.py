"""What users of one region see of those of another, at their open sockets and without `sync`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.people import Device, People, name
from tests.support.two_regions import A, B, Two, shared_room
from tests.support.waiting import until

pytestmark = [pytest.mark.extended, pytest.mark.timeout(300)]


def texts(device: Device, room: str) -> list[str]:
    return [message["content"] for message in device.messages(room)]


def befriend(here: People, there: People, one: str, other: str) -> None:
    """Each asks in their region, until both are friends in both."""
    assert here.http("PUT", f"/v1/friends/{other}", token=here.token(one))[0] == 200
    assert there.http("PUT", f"/v1/friends/{one}", token=there.token(other))[0] == 200
    until(lambda: friends(here, one) == [(other, "friends")])
    until(lambda: friends(there, other) == [(one, "friends")])


def friends(people: People, user: str) -> list[tuple[str, str]]:
    _, answer = people.http("GET", "/v1/friends", token=people.token(user))
    return [(each["user_id"], each["status"]) for each in answer["friends"]]


def is_now(user: str, status: str) -> Callable[[dict[str, Any]], bool]:
    return lambda data: (data["user_id"], data["status"]) == (user, status)


def test_messages_reach_members_in_the_other_region(two: Two) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        adas, bobs = here.device(ada), there.device(bob)
        room = here.room(ada, bob)
        bobs.wait("room_updated", lambda data: data["room_id"] == room)
        for number in range(5):
            adas.say(room, f"question {number}")
            bobs.heard(room, number + 1)
            bobs.say(room, f"answer {number}")
            adas.heard(room, number + 1)
        assert texts(bobs, room) == [f"question {number}" for number in range(5)]
        assert texts(adas, room) == [f"answer {number}" for number in range(5)]


def test_who_is_removed_here_is_out_there(two: Two) -> None:
    ada, bob, cem = name("ada"), name("bob"), name("cem")
    with two.people(A) as here, two.people(B) as there:
        room = shared_room(here, there, ada, bob, cem)
        bobs, cems = there.device(bob), there.device(cem)
        for device in (bobs, cems):
            device.act("join_room", room_id=room)
        path = f"/v1/rooms/{room}/members/{bob}"
        assert here.http("DELETE", path, token=here.token(ada))[0] in (200, 204)
        cems.wait(
            "room_updated",
            lambda data: (data["change"], data["user_id"]) == ("member_removed", bob),
        )
        cems.wait("user_left", lambda data: data["user_id"] == bob)
        refused = bobs.ask("send_message", conversation_id=room, message_type="text", content="x")
        assert refused["event"] == "error"
        cems.say(room, "without bob")
        here.device(ada).say(room, "this too")
        cems.heard(room, 1)
        bobs.act("ping")
        assert texts(bobs, room) == []


def test_friends_see_each_other_s_presence(two: Two) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        befriend(here, there, ada, bob)
        bobs, adas = there.device(bob), here.device(ada)
        bobs.wait("friend_status_update", is_now(ada, "online"))
        adas.act("set_status", status="away")
        bobs.wait("friend_status_update", is_now(ada, "away"))
        adas.close()
        bobs.wait("friend_status_update", is_now(ada, "offline"))


def test_deletions_receipts_and_moments_reach_the_other_region(two: Two) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room = shared_room(here, there, ada, bob)
        befriend(here, there, ada, bob)
        adas, bobs = here.device(ada), there.device(bob)
        message_id = adas.say(room, "no")["message_id"]
        bobs.heard(room, 1)
        bobs.act("message_read", conversation_id=room, message_id=message_id)
        adas.wait("message_read", lambda data: data["message_id"] == message_id)
        adas.act("delete_message", conversation_id=room, message_id=message_id)
        bobs.wait("message_deleted", lambda data: data["message_id"] == message_id)
        posted = here.http("POST", "/v1/moments", {"content": "sun"}, here.token(ada))
        assert posted[0] == 201
        bobs.wait("moment_posted", lambda data: data["content"] == "sun")


def test_who_is_disconnected_here_is_disconnected_there(two: Two) -> None:
    eve = name("eve")
    with two.people(A) as here, two.people(B) as there:
        eves = there.device(eve)
        admin = here.token(name("root"), roles=["admin"])
        path = f"/v1/admin/users/{eve}/disconnect"
        assert here.http("POST", path, {"for_s": 3600}, admin)[0] == 200
        with pytest.raises(ConnectionClosed):
            eves.wait("nothing", lambda data: False)
        with pytest.raises(InvalidStatus) as refused:
            there.device(eve)
        assert refused.value.response.status_code == 403


def about(user: str) -> Callable[[dict[str, Any]], bool]:
    return lambda data: data["user_id"] == user


def viewers(here: People, there: People, one: str, other: str) -> tuple[str, Device, Device]:
    """A room that one has open here and the other there, who sees that one open it."""
    room = shared_room(here, there, one, other)
    ours, theirs = here.device(one), there.device(other)
    theirs.act("join_room", room_id=room)
    until(lambda: status_of(here, one, other) == "online")
    ours.act("join_room", room_id=room)
    theirs.wait("user_joined", about(one))
    return room, ours, theirs


def status_of(people: People, viewer: str, user: str) -> str:
    """What a member of the same room is shown of a user."""
    path = f"/v1/presence?user_id={user}"
    _, answer = people.http("GET", path, token=people.token(viewer))
    return str(answer["presence"][0]["status"])


def test_typing_and_open_rooms_are_seen_in_the_other_region(two: Two) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room, adas, bobs = viewers(here, there, ada, bob)
        adas.act("typing_start", conversation_id=room)
        assert bobs.wait("typing", about(ada))["is_typing"]
        bobs.wait("typing", lambda data: data["user_id"] == ada and not data["is_typing"])
        adas.act("leave_room", room_id=room)
        bobs.wait("user_left", about(ada))


def test_a_receipt_reaches_the_sender_in_the_other_region(two: Two) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room, adas, bobs = viewers(here, there, ada, bob)
        adas.say(room, "hello", delivery_receipt=True)
        (message,) = bobs.heard(room, 1)
        ref = {"conversation_id": room, "message_id": message["message_id"]}
        bobs.act("message_delivered", **ref)
        assert adas.wait("message_delivered", about(bob))["message_id"] == ref["message_id"]


def test_a_partition_holds_back_events_and_drops_what_is_of_no_use_after_it(two: Two) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room, adas, bobs = viewers(here, there, ada, bob)
        two.chaos(A, region=A, service="replication", fault="partition")
        two.chaos(A, region=B, fault="clock", value=60_000)
        adas.act("typing_start", conversation_id=room)
        adas.act("leave_room", room_id=room)
        two.chaos(A, region=A, heal=True)
        bobs.wait("user_left", about(ada))
        bobs.act("ping")
        assert [each["event"] for each in bobs.events].count("typing") == 0
        two.heal()


def test_what_is_typed_here_does_not_wait_for_the_topic(two: Two) -> None:
    ada, bob, cem = name("ada"), name("bob"), name("cem")
    with two.people(A) as here, two.people(B) as there:
        room, adas, bobs = viewers(here, there, ada, bob)
        cems = here.device(cem)
        assert here.http("POST", f"/v1/rooms/{room}/members", {"user_id": cem}, here.token(ada))
        cems.wait("room_updated", lambda data: data["room_id"] == room)
        cems.act("join_room", room_id=room)
        two.chaos(A, region=A, service="sns", fault="hang")
        adas.act("typing_start", conversation_id=room)
        assert cems.wait("typing", about(ada))["is_typing"]
        two.heal()
        bobs.act("ping")


def test_what_a_partition_has_held_back_arrives_once_and_in_order(two: Two) -> None:
    ada, bob, cem = name("ada"), name("bob"), name("cem")
    with two.people(A) as here, two.people(B) as there:
        room = shared_room(here, there, ada, bob, cem)
        adas, bobs, cems = here.device(ada), there.device(bob), there.device(cem)
        two.chaos(A, region=A, service="replication", fault="partition")
        for number in range(20):
            adas.say(room, f"far {number}")
        cems.say(room, "near")
        assert [each["content"] for each in bobs.heard(room, 1)] == ["near"]
        two.heal()
        adas.say(room, "last")
        bobs.wait("message_received", lambda data: data["content"] == "last")
        assert texts(bobs, room) == ["near", *(f"far {number}" for number in range(20)), "last"]
        adas.heard(room, 1)
        assert texts(adas, room) == ["near"]


@pytest.mark.parametrize(
    ("service", "fault"),
    # A long poll that `refuse` ends may have received: SQS would hide that message for two minutes.
    [("dynamodb", "refuse"), ("dynamodb", "hang"), ("sqs", "throttle"), ("functions", "throttle")],
)
def test_what_arrives_while_a_service_is_away_is_pushed_when_it_is_back(
    two: Two, service: str, fault: str
) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room = shared_room(here, there, ada, bob)
        adas, bobs = here.device(ada), there.device(bob)
        two.chaos(A, region=B, service=service, fault=fault)
        for number in range(3):
            adas.say(room, str(number))
        two.heal()
        adas.say(room, "last")
        bobs.wait("message_received", lambda data: data["content"] == "last")
        assert texts(bobs, room) == ["0", "1", "2", "last"]


@pytest.mark.parametrize("service", ["functions", "all"])
def test_a_region_that_was_killed_pushes_what_it_has_missed(two: Two, service: str) -> None:
    """Its program alone, whose place in the streams is lost; or all of it, with its tables."""
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room = shared_room(here, there, ada, bob)
        adas = here.device(ada)
        two.chaos(A, region=B, service=service, fault="kill")
        adas.say(room, "meanwhile")
        two.heal()
        bobs = there.device(bob)
        adas.say(room, "after")
        bobs.wait("message_received", lambda data: data["content"] == "after")
        adas.say(room, "last")
        bobs.wait("message_received", lambda data: data["content"] == "last")
        assert [each for each in texts(bobs, room) if each != "meanwhile"] == ["after", "last"]
        history = there.http("GET", f"/v1/rooms/{room}/messages", token=there.token(bob))[1]
        assert [each["content"] for each in history["messages"]] == ["meanwhile", "after", "last"]
        bobs.say(room, "answer")
        adas.heard(room, 1)
