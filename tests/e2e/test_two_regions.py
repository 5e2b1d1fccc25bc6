"""Two regions, deployed with the example: what is written in one is pushed in the other."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from operate import resources
from operate.clients import client
from tests.support.deployed_regions import REGIONS, TwoRegions, two_regions
from tests.support.people import People, name
from tests.support.waiting import until

pytestmark = [pytest.mark.extended, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def regions() -> Iterator[TwoRegions]:
    with two_regions() as deployed:
        yield deployed


@pytest.fixture
def people(regions: TwoRegions) -> Iterator[tuple[People, People]]:
    here, there = (regions.gateways[region] for region in REGIONS)
    with People(here.url, here.ws_url) as first, People(there.url, there.ws_url) as second:
        yield first, second


def test_a_second_apply_changes_nothing(regions: TwoRegions) -> None:
    assert regions.changes == set()


def test_the_streams_of_all_carried_tables_call_the_function(regions: TwoRegions) -> None:
    tables = resources.load()["tables"]
    carried = {table for table, of in tables.items() if of.get("carried")}
    for region in REGIONS:
        lambdas = client("lambda", regions.aws_url, region)
        found = lambdas.list_event_source_mappings(FunctionName="tidings-replicated")
        streams = [each["EventSourceArn"] for each in found["EventSourceMappings"]]
        assert {stream.split("/")[1].removeprefix("tidings-") for stream in streams} == carried
        assert {stream.split(":")[3] for stream in streams} == {region}


def test_each_region_names_all(people: tuple[People, People]) -> None:
    for each in people:
        status, answer = each.http("GET", "/v1/endpoint", token=each.token("alice"))
        assert status == 200, answer


def test_a_message_crosses_in_both_directions(people: tuple[People, People]) -> None:
    here, there = people
    alice, bob = name("alice"), name("bob")
    room = here.room(alice, bob)
    ours, theirs = here.device(alice), there.device(bob)
    ours.say(room, "from the first region")
    assert theirs.heard(room, 1)[0]["content"] == "from the first region"
    theirs.say(room, "from the second region")
    assert ours.heard(room, 1)[0]["content"] == "from the second region"


def test_the_inbox_calls_relay_and_takes_what_names_its_region(regions: TwoRegions) -> None:
    for region, peer in (REGIONS, reversed(REGIONS)):
        lambdas = client("lambda", regions.aws_url, region)
        found = lambdas.list_event_source_mappings(FunctionName="tidings-relay")
        (mapping,) = found["EventSourceMappings"]
        assert mapping["EventSourceArn"].endswith(f":{region}:000000000000:tidings-inbox")
        sns = client("sns", regions.aws_url, region)
        (subscription,) = sns.list_subscriptions()["Subscriptions"]
        assert subscription["Endpoint"].split(":")[3] == peer
        arn = subscription["SubscriptionArn"]
        attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        assert json.loads(attributes["FilterPolicy"]) == {"to": [peer]}
        assert attributes["RawMessageDelivery"] == "true"


def test_typing_and_receipts_cross(people: tuple[People, People]) -> None:
    here, there = people
    alice, bob = name("alice"), name("bob")
    room = here.room(alice, bob)
    ours, theirs = here.device(alice), there.device(bob)
    ours.say(room, "hello", delivery_receipt=True)
    (message,) = theirs.heard(room, 1)
    theirs.act("join_room", room_id=room)
    ref = {"conversation_id": room, "message_id": message["message_id"]}

    def typing_is_seen() -> bool:  # once bob's presence is here, where alice types
        ours.act("typing_start", conversation_id=room)
        theirs.act("ping")
        return any(event["event"] == "typing" for event in theirs.events)

    until(typing_is_seen)
    theirs.act("message_delivered", **ref)
    assert ours.wait("message_delivered", lambda data: data["user_id"] == bob)["user_id"] == bob


def test_a_kick_takes_effect_in_the_other_region(people: tuple[People, People]) -> None:
    here, there = people
    alice, bob = name("alice"), name("bob")
    room = here.room(alice, bob)
    theirs = there.device(bob)
    here.device(alice).say(room, "hello")
    theirs.heard(room, 1)
    path = f"/v1/rooms/{room}/members/{bob}"
    assert here.http("DELETE", path, token=here.token(alice))[0] in (200, 204)
    theirs.wait(
        "room_updated", lambda data: data["room_id"] == room and data["change"] == "member_removed"
    )
    refused = theirs.ask("send_message", conversation_id=room, message_type="text", content="x")
    assert refused["event"] == "error", refused
