"""Presence, receipts, moments, notifications and revocations over the real stack."""

from __future__ import annotations

import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.people import Device, People, name
from tests.support.stacks import Stack
from tests.support.waiting import until
from workbench.stack.children import start_valkey


def befriend(people: People, one: str, other: str) -> None:
    for user, friend in ((one, other), (other, one)):
        status, body = people.http("PUT", f"/v1/friends/{friend}", None, people.token(user))
        assert status == 200, body


def status_of(people: People, user: str, by: str) -> str:
    status, body = people.http("GET", f"/v1/presence?user_id={user}", None, people.token(by))
    assert status == 200, body
    return str(body["presence"][0]["status"])


def statuses(device: Device, user: str) -> list[str]:
    updates = [e["data"] for e in device.events if e["event"] == "friend_status_update"]
    return [update["status"] for update in updates if update["user_id"] == user]


@pytest.fixture
def pair(people: People) -> tuple[str, str]:
    """Two friends."""
    alice, bob = name("alice"), name("bob")
    befriend(people, alice, bob)
    return alice, bob


@pytest.mark.timeout(150)
def test_presence_over_two_devices(people: People, pair: tuple[str, str]) -> None:
    alice, bob = pair
    watcher = people.device(bob)
    phone = people.device(alice)
    update = lambda status: lambda data: (data["user_id"], data["status"]) == (alice, status)  # noqa: E731
    watcher.wait("friend_status_update", update("online"))
    laptop = people.device(alice)
    phone.close()
    laptop.act("set_status", status="away")
    watcher.wait("friend_status_update", update("away"))
    laptop.act("set_status", status="online")
    laptop.close()
    again = people.device(alice)  # within the grace: nobody sees it
    again.act("set_status", status="away")
    until(lambda: (watcher.act("ping"), statuses(watcher, alice))[1][-1] == "away")
    assert "offline" not in statuses(watcher, alice)
    again.close()
    left = time.monotonic()
    watcher.wait("friend_status_update", update("offline"))
    assert time.monotonic() - left >= 9, "not before the grace is over"
    assert status_of(people, alice, by=bob) == "offline"


def test_receipts_and_unread(people: People) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    sender, reader, tablet = people.device(alice), people.device(bob), people.device(bob)
    ids = [sender.say(room, str(number))["message_id"] for number in range(3)]
    reader.heard(room, 3)

    def unread() -> Any:
        _, body = people.http("GET", "/v1/rooms", None, people.token(bob))
        [found] = [each for each in body["rooms"] if each["room_id"] == room]
        return found["unread"]

    assert unread() == 3
    reader.act("message_read", conversation_id=room, message_id=ids[1])
    for device in (sender, tablet):
        seen = device.wait("message_read", lambda data: data["conversation_id"] == room)
        assert (seen["message_id"], seen["reader_id"]) == (ids[1], bob)
    assert unread() == 1
    synced = tablet.act("sync", positions={})["conversations"][room]
    assert (synced["unread"], synced["last_read_message_id"]) == (1, ids[1])


def test_moments_now_and_at_the_next_sync(people: People, pair: tuple[str, str]) -> None:
    alice, bob = pair
    watcher = people.device(bob)
    post = lambda text: people.http("POST", "/v1/moments", {"content": text}, people.token(alice))  # noqa: E731
    status, posted = post("now")
    assert status == 201, posted
    got = watcher.wait("moment_posted", lambda data: data["content"] == "now")
    assert got["message_id"] == posted["message_id"]
    watcher.close()
    assert post("later")[0] == 201
    synced = people.device(bob).act("sync", positions={})["conversations"]
    contents = [m["content"] for m in synced[got["conversation_id"]]["messages"]]
    assert contents == ["now", "later"]


def test_notifications_by_services_only(people: People) -> None:
    bob = name("bob")
    device = people.device(bob)
    body = {"user_id": bob, "content": {"text": "due"}}
    refused, _ = people.http("POST", "/v1/notifications", body, people.token(name("eve")))
    assert refused == 403
    service = people.token(name("mailer"), roles=["service"])
    assert people.http("POST", "/v1/notifications", body, service)[0] == 201
    assert device.wait("notification", lambda data: True)["content"] == {"text": "due"}
    _, listed = people.http("GET", "/v1/notifications", None, people.token(bob))
    assert len(listed["notifications"]) == 1


def test_a_revoked_user_is_out_at_once_and_stays_out(people: People) -> None:
    eve = name("eve")
    devices = [people.device(eve), people.device(eve)]
    admin = people.token(name("root"), roles=["admin"])
    path = f"/v1/admin/users/{eve}/disconnect"
    assert people.http("POST", path, {"for_s": 3600}, admin)[0] == 200
    for device in devices:
        with pytest.raises(ConnectionClosed):
            device.wait("nothing", lambda data: False)
    with pytest.raises(InvalidStatus) as refused:
        people.device(eve)
    assert refused.value.response.status_code == 403


@pytest.mark.services
@pytest.mark.timeout(180)
@pytest.mark.one_emulator
def test_redis_stopped_and_started_while_people_come_go_and_read(
    people: People, stack: Stack, pair: tuple[str, str]
) -> None:
    alice, bob = pair
    room = people.room(alice, bob)
    watcher, speaker = people.device(bob), people.device(alice)
    first = speaker.say(room, "before")["message_id"]
    watcher.heard(room, 1)
    url = stack.redis_url
    stack.children["valkey"].stop()
    try:
        second = speaker.say(room, "while away")["message_id"]
        watcher.act("message_read", conversation_id=room, message_id=first)
        speaker.act("set_status", status="away")
        assert people.http("POST", "/v1/moments", {"content": "m"}, people.token(alice))[0] == 201
        watcher.wait("moment_posted", lambda data: data["content"] == "m")
    finally:
        port = int(url.rsplit(":", 1)[1].split("/")[0])
        stack.children["valkey"] = start_valkey(port)
    watcher.act("message_read", conversation_id=room, message_id=second)
    speaker.wait("message_read", lambda data: data["message_id"] == second)
    until(lambda: status_of(people, alice, by=bob) == "away")
    watcher.wait("friend_status_update", lambda data: data["status"] == "away")
    speaker.close()
    watcher.wait("friend_status_update", lambda data: data["status"] == "offline")
    assert status_of(people, alice, by=bob) == "offline"
