"""What arrives late is unread, whatever its id; and it is read once somebody has read it (R10)."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.messaging.confirmations import RECEIPTS_UP_TO
from chalicelib.model.identifiers import MessageId, Region, RoomId, UserId
from chalicelib.model.receipts import Marker
from tests.support.counting import counted
from tests.support.deployment import EU, US, Deployment


@pytest.fixture
def deployment() -> Deployment:
    deployment = Deployment(US, EU)
    deployment.room("alice", "bob", "carol")
    return deployment


def unread(deployment: Deployment, region: Region, user: str = "bob") -> int:
    [room] = deployment[region].http(rest.list_rooms, user).body["rooms"]
    device = deployment[region].connect(user)
    synced = deployment[region].act(device, "sync", positions={"lobby": ""})
    deployment[region].disconnect(device)
    assert synced["conversations"]["lobby"]["unread"] == room["unread"]
    return int(room["unread"])


def read(deployment: Deployment, region: Region, message: Any, user: str = "bob") -> None:
    device = deployment[region].connect(user)
    ref = {"conversation_id": "lobby", "message_id": message["message_id"]}
    deployment[region].act(device, "message_read", **ref)
    deployment[region].pump(until_ms=deployment[region].clock.ms)
    deployment[region].disconnect(device)


def is_read(deployment: Deployment, region: Region, user: str) -> dict[str, bool]:
    found = deployment[region].http(rest.list_messages, user, room_id="lobby").body["messages"]
    return {message["content"]: message["is_read"] for message in found}


def late_message(deployment: Deployment) -> tuple[Any, Any]:
    """A message that arrives in the US after one with a higher id was read there."""
    late = deployment.send(EU, "late")
    deployment.pass_ms(500)
    newest = deployment.send(US, "newest")
    read(deployment, US, newest)
    assert unread(deployment, US) == 0
    deployment.replicate()
    assert late["message_id"] < newest["message_id"]
    return late, newest


def test_messages_of_all_regions_count(deployment: Deployment) -> None:
    for number in range(4):
        deployment.send((US, EU)[number % 2], str(number))
    deployment.replicate()
    assert unread(deployment, US) == unread(deployment, EU) == 4
    assert unread(deployment, EU, "alice") == 0


@pytest.mark.parametrize("again", ["the late one", "the newest one"])
def test_a_late_message_counts_until_it_is_read(deployment: Deployment, again: str) -> None:
    late, newest = late_message(deployment)
    for region in (US, EU):
        assert unread(deployment, region) == 1
        assert is_read(deployment, region, "bob") == {"late": False, "newest": True}
        assert is_read(deployment, region, "alice") == {"late": False, "newest": True}
    read(deployment, US, late if again == "the late one" else newest)
    for region in (US, EU):
        assert unread(deployment, region) == 0
        assert is_read(deployment, region, "bob") == {"late": True, "newest": True}
        assert is_read(deployment, region, "alice") == {"late": True, "newest": True}
    [room] = deployment[US].http(rest.list_rooms, "bob").body["rooms"]
    assert room["last_read_message_id"] == newest["message_id"]


def test_the_sender_of_a_late_message_hears_that_it_was_read(deployment: Deployment) -> None:
    late, _ = late_message(deployment)
    alice = deployment[US].connect("alice")
    read(deployment, US, late)
    told = deployment[US].poster.to(alice, "message_read")
    assert [event["message_id"] for event in told] == [late["message_id"]]
    read(deployment, US, late)
    more = deployment.send(US, "more", "carol")
    read(deployment, US, more)
    assert [e["message_id"] for e in deployment[US].poster.to(alice, "message_read")] == [
        late["message_id"]
    ], "nothing of hers is new"


def test_in_a_large_room_too() -> None:
    deployment = Deployment(US, EU)
    deployment.room("alice", "bob", "carol", *(f"user{n}" for n in range(RECEIPTS_UP_TO)))
    late, _ = late_message(deployment)
    assert is_read(deployment, US, "alice") == {"late": False, "newest": True}
    read(deployment, US, late, "carol")
    assert is_read(deployment, US, "alice") == {"late": True, "newest": True}


def test_what_was_read_in_one_region_is_read_in_the_other(deployment: Deployment) -> None:
    for number in range(3):
        deployment.send(US, f"us {number}")
        last = deployment.send(EU, f"eu {number}")
        deployment.replicate()
    read(deployment, EU, last)
    more = deployment.send(US, "more")
    assert (unread(deployment, US), unread(deployment, EU)) == (1, 0)
    read(deployment, US, more)
    deployment.replicate()
    assert unread(deployment, US) == unread(deployment, EU) == 0


def test_a_marker_that_is_beyond_the_replica_has_nothing_unread(deployment: Deployment) -> None:
    read(deployment, US, deployment.send(US, "1"))
    assert unread(deployment, EU) == 0
    deployment.replicate()
    assert unread(deployment, EU) == 0


def test_a_marker_that_is_older_than_a_region_goes_by_its_message(deployment: Deployment) -> None:
    deployment.send(EU, "before")
    deployment.replicate()
    message = deployment.send(US, "read")
    message_id, seq = MessageId(message["message_id"]), 1
    markers = deployment[US].adapters.markers
    markers.move(RoomId("lobby"), US, Marker(UserId("bob"), message_id, 1, US, seq))
    assert unread(deployment, US) == 0
    deployment.send(EU, "after")
    deployment.replicate()
    assert unread(deployment, US) == 1
    assert is_read(deployment, US, "bob") == {"before": True, "read": True, "after": False}


def test_counting_reads_no_message(deployment: Deployment) -> None:
    late_message(deployment)
    ports = counted(deployment[US])
    deployment[US].http(rest.list_rooms, "bob")
    assert ports["log"].calls == ["heads"]
    assert ports["markers"].calls == ["of_user"]


@pytest.mark.parametrize("ahead_ms", [0, 2_000])
def test_a_message_from_a_clock_behind_that_of_the_room_is_unread(ahead_ms: int) -> None:
    deployment = Deployment(US, EU)
    deployment[US].clock.ms += ahead_ms
    deployment.room("alice", "bob")
    deployment[US].clock.ms -= ahead_ms
    deployment.send(US, "1")
    deployment.replicate()
    assert unread(deployment, US) == unread(deployment, EU) == 1
