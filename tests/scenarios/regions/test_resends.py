"""A resend that goes to another region is one message, before and after replication (R3, R4)."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.model.identifiers import Region
from tests.support.counting import counted
from tests.support.deployment import (
    AP,
    EU,
    US,
    Deployment,
    Item,
    dedupes,
    entries,
    heads,
)

REGIONS = (US, EU, AP)


@pytest.fixture(params=[0, -40, 40], ids=lambda ms: f"{ms} ms")
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """Whichever of the two copies has the lower id."""
    deployment = Deployment(US, EU, AP)
    deployment.room("alice", "bob")
    deployment.pass_ms(1_000)
    deployment[EU].clock.ms += request.param
    return deployment


def history(deployment: Deployment, region: Region, user: str = "bob", **query: str) -> Any:
    answer = deployment[region].http(rest.list_messages, user, room_id="lobby", query=query)
    return answer.body["messages"]


def contents(deployment: Deployment, region: Region, **query: str) -> list[str]:
    return [message["content"] for message in history(deployment, region, **query)]


def sync(deployment: Deployment, region: Region, position: str, user: str = "bob") -> Any:
    device = deployment[region].connect(user)
    found = deployment[region].act(device, "sync", positions={"lobby": position})
    deployment[region].disconnect(device)
    return found["conversations"]["lobby"]


def unread(deployment: Deployment, region: Region) -> int:
    [room] = deployment[region].http(rest.list_rooms, "bob").body["rooms"]
    return int(room["unread"])


def twice(deployment: Deployment, **more: Any) -> tuple[str, str]:
    """One message that both regions stored; the ids of the first and the second copy."""
    one = deployment.send(US, "once", client_message_id="c1", **more)
    other = deployment.send(EU, "once", client_message_id="c1", **more)
    assert one["message_id"] != other["message_id"]
    return min(one["message_id"], other["message_id"]), max(one["message_id"], other["message_id"])


def test_after_replication_it_gets_the_stored_answer(deployment: Deployment) -> None:
    first = deployment.send(US, "once", client_message_id="c1")
    deployment.replicate()
    again = deployment.send(EU, "another text", client_message_id="c1")
    assert again == first
    for redis_is_down in (False, True):
        deployment[EU].cache.down = redis_is_down
        device_less = deployment.send(EU, "another text", client_message_id="c1")
        assert device_less == first
    deployment[EU].cache.down = False
    device = deployment[EU].connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "another text"}
    ack = deployment[EU].act(device, "send_message", client_message_id="c1", **body)
    assert (ack["message_id"], ack["position"]) == (first["message_id"], first["position"])
    assert contents(deployment, EU) == ["once"]


@pytest.mark.parametrize("carries", [True, False])
def test_before_replication_all_readers_show_the_first_copy(
    deployment: Deployment, carries: bool
) -> None:
    deployment.carries = carries
    starts = {region: sync(deployment, region, "")["position"] for region in REGIONS}
    first, _ = twice(deployment)
    deployment.replicate()
    for region in REGIONS:
        assert [m["message_id"] for m in history(deployment, region)] == [first]
        part = sync(deployment, region, starts[region])
        assert [m["message_id"] for m in part["messages"]] == [first]
        assert sync(deployment, region, part["position"])["messages"] == []
        assert [m["message_id"] for m in sync(deployment, region, "")["messages"]] == [first]


def test_copies_that_are_far_apart_are_one_message(deployment: Deployment) -> None:
    deployment.send(US, "once", client_message_id="c1")
    for number in range(60):
        deployment.send(AP, str(number))
    deployment.send(EU, "once", client_message_id="c1")
    deployment.replicate()
    deployment.replicate()
    for region in REGIONS:
        assert contents(deployment, region, limit="50") == [str(n) for n in range(10, 60)]
        found, after = list[str](), "0" * 26
        for _ in range(8):
            query = {"after": after, "limit": "10"}
            body = (
                deployment[region]
                .http(rest.list_messages, "bob", room_id="lobby", query=query)
                .body
            )
            found += [message["content"] for message in body["messages"]]
            after = body["next"] or after
        assert found == ["once", *(str(n) for n in range(60))]


def test_it_counts_once(deployment: Deployment) -> None:
    twice(deployment)
    deployment.replicate()
    deployment.replicate()  # what the regions noted on their own copies
    assert [unread(deployment, region) for region in REGIONS] == [1, 1, 1]


@pytest.mark.parametrize("named", ["the first", "the second"])
def test_both_ids_are_read_deleted_and_replied_to(deployment: Deployment, named: str) -> None:
    first, second = twice(deployment)
    deployment.replicate()
    deployment.replicate()
    message_id = first if named == "the first" else second
    ref = {"conversation_id": "lobby", "message_id": message_id}
    device = deployment[AP].connect("bob")
    deployment[AP].act(device, "message_read", **ref)
    assert [unread(deployment, region) for region in REGIONS] == [0, 0, 0]
    reply = deployment.send(AP, "reply", "bob", reply_to_message_id=message_id)
    assert reply["reply_to_message_id"] == first
    alice = deployment[AP].connect("alice")
    deployment[AP].act(alice, "delete_message", **ref)
    deployment.replicate()
    for region in REGIONS:
        shown = history(deployment, region)
        assert [(m["message_id"], m["is_deleted"]) for m in shown] == [
            (first, True),
            (reply["message_id"], False),
        ]
    stored = [
        entry
        for region in REGIONS
        for entry in deployment.logs[US].after("lobby", region, "", 99)  # type: ignore[arg-type]
        if entry.client_message_id == "c1"
    ]
    assert [(entry.deleted, entry.content) for entry in stored] == [(True, None)] * 2


@pytest.mark.parametrize("place", [US, EU])
def test_a_copy_that_was_deleted_before_the_other_was_known_stays_deleted(
    deployment: Deployment, place: Region
) -> None:
    twice(deployment)
    [message] = history(deployment, place, "alice")
    ref = {"room_id": "lobby", "message_id": message["message_id"]}
    assert deployment[place].http(rest.delete_message, "alice", **ref).status == 200
    for _ in range(3):
        deployment.replicate()
    for region in REGIONS:
        assert [m["is_deleted"] for m in history(deployment, region)] == [True]
        assert [m["is_deleted"] for m in sync(deployment, region, "")["messages"]] == [True]


def test_delivery_receipts_name_the_first_copy(deployment: Deployment) -> None:
    first, second = twice(deployment, delivery_receipt=True)
    deployment.replicate()
    deployment.replicate()
    device, alice = deployment[AP].connect("bob"), deployment[AP].connect("alice")
    for message_id in (second, first):
        ref = {"conversation_id": "lobby", "message_id": message_id}
        deployment[AP].act(device, "message_delivered", **ref)
    deployment[AP].pump(until_ms=deployment[AP].clock.ms)
    told = deployment[AP].poster.to(alice, "message_delivered")
    assert [event["message_id"] for event in told] == [first]


def test_of_three_copies_one_remains(deployment: Deployment) -> None:
    for region in REGIONS:
        deployment.send(region, "once", client_message_id="c1")
    for _ in range(3):
        deployment.replicate()
    found = [history(deployment, region) for region in REGIONS]
    assert [len(messages) for messages in found] == [1, 1, 1]
    assert len({messages[0]["message_id"] for messages in found}) == 1
    assert [unread(deployment, region) for region in REGIONS] == [1, 1, 1]


def test_a_resend_writes_no_other_region_s_stream(deployment: Deployment) -> None:
    """R4: the dedupe item is here, its entry is not."""
    deployment.send(US, "once", client_message_id="c1")
    deployment.replicate(lambda item: dedupes(item) or heads(item))
    body = {"message_type": "text", "content": "another", "client_message_id": "c1"}
    ports = counted(deployment[EU])
    answer = deployment[EU].http(rest.post_message, "alice", body, room_id="lobby")
    assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
    assert ports["log"].calls.count("commit_all") == 0
    assert deployment.logs[EU].written == []
    deployment.replicate(entries)
    assert deployment.send(EU, "another", client_message_id="c1")["content"] == "once"


def test_a_resend_does_not_wait_for_a_region_that_is_lost(deployment: Deployment) -> None:
    """Its dedupe item was replicated, its entry was not, and comes only after a long time."""
    deployment.send(US, "once", client_message_id="c1")
    deployment.replicate(dedupes)
    deployment.pass_ms(6_000)
    kept = deployment.send(EU, "once", client_message_id="c1")
    deployment.replicate(source=EU)
    assert [m["message_id"] for m in history(deployment, AP)] == [kept["message_id"]]
    for _ in range(3):
        deployment.replicate()
    found = {region: history(deployment, region) for region in REGIONS}
    assert [len(messages) for messages in found.values()] == [1, 1, 1]


def test_an_id_may_be_used_again_after_a_day(deployment: Deployment) -> None:
    deployment.send(US, "once", client_message_id="c1")
    deployment.replicate()
    deployment.pass_ms(24 * 3_600_000 + 1_000)
    deployment.send(EU, "again", client_message_id="c1")
    deployment.replicate()
    for region in REGIONS:
        assert contents(deployment, region) == ["once", "again"]


def test_the_second_copy_is_shown_while_the_first_is_not_here(deployment: Deployment) -> None:
    first, second = twice(deployment)

    def first_entry(item: Item) -> bool:
        return entries(item) and item.value.message_id == first

    deployment.replicate(lambda item: not first_entry(item), target=AP)
    deployment.replicate(target=US)
    deployment.replicate(target=EU)
    deployment.replicate(lambda item: not first_entry(item), target=AP)
    assert [m["message_id"] for m in history(deployment, AP)] == [second]
    deployment.replicate()
    assert [m["message_id"] for m in history(deployment, AP)] == [first]


def test_one_whose_dedupe_item_is_late_gets_the_stored_answer(deployment: Deployment) -> None:
    bob = deployment[EU].connect("bob")
    first = deployment.send(US, "once", client_message_id="c1")
    deployment.replicate(lambda item: not dedupes(item))
    deployment.pump()
    again = deployment.send(EU, "once", client_message_id="c1")
    assert again["message_id"] == first["message_id"]
    deployment.replicate()
    deployment.pump()
    assert [each["content"] for each in deployment[EU].poster.to(bob, "message_received")] == [
        "once"
    ]
