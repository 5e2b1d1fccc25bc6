"""Who reads in one region is told to senders, and to the reader's devices, in the others."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.messaging.confirmations import RECEIPTS_UP_TO
from chalicelib.model.identifiers import RoomId, UserId
from chalicelib.model.receipts import Marker
from chalicelib.model.replication import ReplicatedMarker
from tests.support.counting import counted
from tests.support.deployment import EU, US, Deployment

LOBBY, BOB = RoomId("lobby"), UserId("bob")


@pytest.fixture
def deployment() -> Deployment:
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob", "carol")
    return deployment


def marker(deployment: Deployment) -> Marker:
    return deployment[US].adapters.markers.of_user(BOB, [LOBBY], [US])[LOBBY]


def read(deployment: Deployment, message: Any) -> tuple[Marker | None, Marker]:
    """Let bob read in the US; what his marker was, and is."""
    before = deployment[US].adapters.markers.of_user(BOB, [LOBBY], [US]).get(LOBBY)
    device = deployment[US].connect("bob")
    ref = {"conversation_id": "lobby", "message_id": message["message_id"]}
    deployment[US].act(device, "message_read", **ref)
    deployment[US].pump(until_ms=deployment[US].clock.ms)
    deployment[US].disconnect(device)
    return before, marker(deployment)


def carry(deployment: Deployment, before: Marker | None, after: Marker) -> None:
    deployment.replicate()
    deployment.report(EU, [ReplicatedMarker(LOBBY, after, before)])
    deployment.pump()


def told(deployment: Deployment, device: str) -> list[tuple[str, str]]:
    events = deployment[EU].poster.to(device, "message_read")
    return [(event["message_id"], event["reader_id"]) for event in events]


def test_the_sender_is_told_once_for_each_message(deployment: Deployment) -> None:
    alice, carol = deployment[EU].connect("alice"), deployment[EU].connect("carol")
    first = deployment.send(US, "1")
    carry(deployment, *read(deployment, first))
    assert told(deployment, alice) == [(first["message_id"], "bob")]
    second = deployment.send(EU, "2")
    deployment.replicate()
    carry(deployment, *read(deployment, second))
    assert told(deployment, alice)[1:] == [(second["message_id"], "bob")]
    assert told(deployment, carol) == []


def test_the_reader_s_other_devices_are_told(deployment: Deployment) -> None:
    bob = deployment[EU].connect("bob")
    first = deployment.send(US, "1")
    carry(deployment, *read(deployment, first))
    assert told(deployment, bob) == [(first["message_id"], "bob")]


def test_a_marker_that_only_replication_moved_tells_nothing_again(deployment: Deployment) -> None:
    alice = deployment[EU].connect("alice")
    first = deployment.send(US, "1")
    _, after = read(deployment, first)
    carry(deployment, after, after)
    assert told(deployment, alice) == []


def test_it_writes_nothing_here(deployment: Deployment) -> None:
    before, after = read(deployment, deployment.send(US, "1"))
    ports = counted(deployment[EU])
    carry(deployment, before, after)
    assert not {"note", "move"} & set(ports["markers"].calls)


def test_in_a_large_room_counts_are_told(deployment: Deployment) -> None:
    crowd = [f"user{number}" for number in range(RECEIPTS_UP_TO)]
    deployment[US].room("alice", "bob", *crowd, room_id="crowd")
    alice = deployment[EU].connect("alice")
    body = {"message_type": "text", "content": "1"}
    answer = deployment[US].http(rest.post_message, "alice", body, room_id="crowd")
    deployment.replicate()
    message_id = answer.body["message_id"]
    after = Marker(BOB, message_id, 1, US, 1, {US: 1})
    deployment[US].adapters.markers.move(RoomId("crowd"), US, after)
    deployment.report(EU, [ReplicatedMarker(RoomId("crowd"), after, None)])
    deployment.wait(10)
    [event] = deployment[EU].poster.to(alice, "message_read")
    assert (event["message_id"], event["read_count"]) == (message_id, 1)
