"""Events that no table holds: typing, views of open rooms and delivery receipts cross regions.

Only to the regions in which somebody may get them, and once: what arrives is not published again.
"""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.jobs.relayed import RelayedJob
from chalicelib.model.identifiers import Region, UserId
from chalicelib.model.replication import Replicated
from tests.support.counting import counted
from tests.support.deployment import AP, EU, US, Deployment
from tests.support.world import record


@pytest.fixture
def deployment() -> Deployment:
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob", "carol")
    return deployment


def connect(deployment: Deployment, region: Region, user: str) -> str:
    """Connect a device; all regions know of it by the user's replicated presence."""
    device = deployment[region].connect(user)
    deployment.pump()
    for peer in deployment.regions:
        if peer != region:
            deployment.report(peer, [Replicated("presence", user, region)])
    deployment.pump()
    return device


def viewer(deployment: Deployment, region: Region, user: str) -> str:
    device = connect(deployment, region, user)
    deployment[region].act(device, "join_room", room_id="lobby")
    deployment.pump()
    return device


def types(deployment: Deployment, region: Region, device: str, action: str = "start") -> None:
    deployment[region].act(device, f"typing_{action}", conversation_id="lobby")


def seen(deployment: Deployment, region: Region, device: str, event: str) -> list[Any]:
    found = deployment[region].poster.to(device, event)
    if event == "typing":
        return [(each["user_id"], each["is_typing"]) for each in found]
    return [each["user_id"] for each in found]


def published(deployment: Deployment, region: Region) -> list[str]:
    return [job.record()["kind"] for job, _ in deployment[region].topic.published]


class TestTyping:
    def test_viewers_in_both_regions_get_it(self, deployment: Deployment) -> None:
        alice = connect(deployment, US, "alice")
        carol, bob = viewer(deployment, US, "carol"), viewer(deployment, EU, "bob")
        types(deployment, US, alice)
        deployment.pump()
        types(deployment, US, alice, "stop")
        deployment.pump()
        expected = [("alice", True), ("alice", False)]
        assert seen(deployment, US, carol, "typing") == expected
        assert seen(deployment, EU, bob, "typing") == expected

    def test_each_region_ends_it_by_itself(self, deployment: Deployment) -> None:
        alice, bob = connect(deployment, US, "alice"), viewer(deployment, EU, "bob")
        deployment[US].topic.published.clear()
        types(deployment, US, alice)
        deployment.pump()
        deployment[US].topic.down = True
        deployment.wait(7)
        assert seen(deployment, EU, bob, "typing") == [("alice", True), ("alice", False)]
        assert published(deployment, US) == ["relay_typing"], "an end is not published"

    def test_a_start_that_is_late_is_dropped(self, deployment: Deployment) -> None:
        alice, bob = connect(deployment, US, "alice"), viewer(deployment, EU, "bob")
        types(deployment, US, alice)
        deployment[US].pump(until_ms=deployment[US].clock.ms)
        deployment[EU].clock.ms += 10_001
        deployment.pump()
        assert seen(deployment, EU, bob, "typing") == []
        assert deployment[EU].adapters.inbox.depth() == 0

    def test_a_start_that_arrives_after_a_newer_one_is_dropped(
        self, deployment: Deployment
    ) -> None:
        alice, bob = connect(deployment, US, "alice"), viewer(deployment, EU, "bob")
        for _ in range(2):
            types(deployment, US, alice)
            deployment[US].pump(until_ms=deployment[US].clock.ms)
            deployment[US].clock.ms += 100
        deployment[EU].adapters.inbox.jobs.reverse()
        deployment.pump()
        assert seen(deployment, EU, bob, "typing") == [("alice", True)]

    def test_whose_limit_is_used_up_publishes_nothing(self, deployment: Deployment) -> None:
        alice = connect(deployment, US, "alice")
        viewer(deployment, EU, "bob")
        deployment[US].topic.published.clear()
        world = deployment[US]
        answers = [world.ask(alice, "typing_start", conversation_id="lobby") for _ in range(150)]
        refused = [each for each in answers if each["event"] == "error"]
        assert {each["data"]["code"] for each in refused} == {"rate_limited"}
        deployment.pump()
        assert len(refused) >= 40
        assert published(deployment, US) == ["relay_typing"], "the others changed nothing"


class TestRoomViews:
    def test_who_opens_and_closes_a_room_is_seen_there(self, deployment: Deployment) -> None:
        bob, alice = viewer(deployment, EU, "bob"), viewer(deployment, US, "alice")
        assert seen(deployment, EU, bob, "user_joined") == ["alice"]
        deployment[US].act(alice, "leave_room", room_id="lobby")
        deployment.pump()
        assert seen(deployment, EU, bob, "user_left") == ["alice"]

    def test_whose_connection_ends_is_seen_to_leave(self, deployment: Deployment) -> None:
        bob, alice = viewer(deployment, EU, "bob"), viewer(deployment, US, "alice")
        deployment[US].disconnect(alice)
        deployment.pump()
        assert seen(deployment, EU, bob, "user_left") == ["alice"]

    def test_who_is_there_on_another_device_is_not_seen_to_come_or_go(
        self, deployment: Deployment
    ) -> None:
        bob = viewer(deployment, EU, "bob")
        viewer(deployment, EU, "alice")
        here = viewer(deployment, US, "alice")
        deployment[US].act(here, "leave_room", room_id="lobby")
        deployment.pump()
        assert seen(deployment, EU, bob, "user_joined") == ["alice"]
        assert seen(deployment, EU, bob, "user_left") == []

    def test_an_older_event_does_not_undo_a_newer_one(self, deployment: Deployment) -> None:
        bob = viewer(deployment, EU, "bob")
        alice, world = connect(deployment, US, "alice"), deployment[US]
        for action in ("join_room", "leave_room"):
            world.act(alice, action, room_id="lobby")
            world.pump(until_ms=world.clock.ms)
            world.clock.ms += 10
        jobs = deployment[EU].adapters.inbox.jobs
        assert len(jobs) == 2
        jobs.reverse()
        deployment.pump()
        assert seen(deployment, EU, bob, "user_left") == ["alice"]
        assert seen(deployment, EU, bob, "user_joined") == []


class TestDelivered:
    def sent(self, deployment: Deployment) -> dict[str, str]:
        message = deployment.send(US, "hello", delivery_receipt=True)
        deployment.replicate()
        deployment.pump()
        return {"conversation_id": "lobby", "message_id": message["message_id"]}

    def test_the_sender_gets_it_once_in_each_region(self, deployment: Deployment) -> None:
        here, there = connect(deployment, US, "alice"), connect(deployment, EU, "alice")
        bobs = {region: connect(deployment, region, "bob") for region in (US, EU)}
        message = self.sent(deployment)
        for region in (EU, US):
            deployment[region].act(bobs[region], "message_delivered", **message)
            deployment.pump()
        assert seen(deployment, US, here, "message_delivered") == ["bob"]
        assert seen(deployment, EU, there, "message_delivered") == ["bob"]
        assert [k for k in published(deployment, EU) if k == "relay_delivered"] != []

    def test_it_is_published_when_the_topic_is_back(self, deployment: Deployment) -> None:
        alice, bob = connect(deployment, US, "alice"), connect(deployment, EU, "bob")
        own = connect(deployment, EU, "alice")
        message = self.sent(deployment)
        topic = deployment[EU].topic
        topic.down = True
        deployment[EU].act(bob, "message_delivered", **message)
        deployment.pump()
        deployment.wait(14)
        assert seen(deployment, EU, own, "message_delivered") == ["bob"]
        assert seen(deployment, US, alice, "message_delivered") == []
        topic.down = False
        deployment.wait(2)
        deployment.pump()
        assert seen(deployment, US, alice, "message_delivered") == ["bob"]
        assert seen(deployment, EU, own, "message_delivered") == ["bob"], "only that is repeated"
        assert deployment[EU].adapters.outbound.depth() == 0

    def test_it_is_given_up_after_a_day(self, deployment: Deployment) -> None:
        connect(deployment, US, "alice")
        bob = connect(deployment, EU, "bob")
        message = self.sent(deployment)
        deployment[EU].topic.down = True
        deployment[EU].act(bob, "message_delivered", **message)
        deployment.pump()
        deployment[EU].clock.ms += 86_400_001
        deployment.pump()
        assert deployment[EU].adapters.outbound.depth() == 0
        assert deployment[EU].adapters.outbound_dead.depth() == 0


class TestCost:
    def test_nothing_is_published_for_users_who_are_only_here(self, deployment: Deployment) -> None:
        alice = connect(deployment, US, "alice")
        viewer(deployment, US, "bob")
        ports = counted(deployment[US])
        types(deployment, US, alice)
        deployment.pump()
        assert ports["topic"].calls == []
        assert ports["presence"].calls == [], "the cache knows it of the first viewer's event"
        assert ports["cache"].calls.count("elsewhere") == 1

    def test_a_replicated_connection_is_known_at_once(self, deployment: Deployment) -> None:
        alice = connect(deployment, US, "alice")
        types(deployment, US, alice)
        deployment.pump()
        bob = viewer(deployment, EU, "bob")
        deployment.pass_ms(3_000)
        types(deployment, US, alice)
        deployment.pump()
        assert seen(deployment, EU, bob, "typing") == [("alice", True)]

    def test_a_third_region_without_members_gets_nothing(self) -> None:
        deployment = Deployment(US, EU, AP, triggers=True)
        deployment.room("alice", "bob")
        connect(deployment, AP, "carol")
        alice, bob = connect(deployment, US, "alice"), viewer(deployment, EU, "bob")
        ports = counted(deployment[AP])
        types(deployment, US, alice)
        deployment.pump()
        assert seen(deployment, EU, bob, "typing") == [("alice", True)]
        assert deployment[US].topic.published[-1][1] == {EU}
        assert ports["inbox"].calls == []

    def test_who_is_invisible_gets_it_too(self, deployment: Deployment) -> None:
        alice, bob = connect(deployment, US, "alice"), viewer(deployment, EU, "bob")
        deployment[EU].act(bob, "set_status", status="offline")
        deployment.pump()
        deployment.report(US, [Replicated("presence", "bob", EU)])
        types(deployment, US, alice)
        deployment.pump()
        assert seen(deployment, EU, bob, "typing") == [("alice", True)]

    def test_with_one_region_nothing_is_looked_for(self) -> None:
        deployment = Deployment(US)
        deployment.room("alice", "bob")
        alice = connect(deployment, US, "alice")
        ports = counted(deployment[US])
        viewer(deployment, US, "bob")
        types(deployment, US, alice)
        deployment.pump()
        assert ports["topic"].calls == []
        assert "elsewhere" not in ports["cache"].calls

    def test_what_arrives_is_not_published_again(self, deployment: Deployment) -> None:
        bob, alice = viewer(deployment, EU, "bob"), viewer(deployment, US, "alice")
        types(deployment, US, alice)
        deployment.wait(10)
        deployment[EU].topic.published.clear()
        jobs = [job for job, _ in deployment[US].topic.published]
        assert {job.record()["kind"] for job in jobs} == {"relay_typing", "relay_room_view"}
        for job in jobs:
            assert isinstance(job, RelayedJob)
            deployment[EU].adapters.inbox.send([job])
        deployment.wait(10)
        assert published(deployment, EU) == []
        assert seen(deployment, EU, bob, "typing") != []


class TestFaults:
    def test_the_topic_s_outage_holds_back_nothing_here(self, deployment: Deployment) -> None:
        alice, carol = connect(deployment, US, "alice"), viewer(deployment, US, "carol")
        viewer(deployment, EU, "bob")
        deployment[US].topic.down = True
        ports = counted(deployment[US])
        for what in ("start", "stop", "start"):
            types(deployment, US, alice, what)
            deployment.pump()
            deployment.pass_ms(10)
        told = [("alice", is_typing) for is_typing in (True, False, True)]
        assert seen(deployment, US, carol, "typing") == told
        assert ports["topic"].calls == ["publish"], "then it rests"
        assert ports["outbound_dead"].calls == []
        deployment[US].topic.down = False
        deployment.pass_ms(5_000)
        types(deployment, US, alice)
        deployment.pump()
        assert ports["topic"].calls == ["publish"] * 2

    def test_an_unknown_kind_waits_for_another_version(self, deployment: Deployment) -> None:
        from chalicelib.entrypoints import queues
        from chalicelib.jobs.outbound import CheckPresence

        job = CheckPresence(user_id=UserId("alice"))
        answer = queues.relay(deployment[EU].services, {"Records": [record(job)]})
        assert len(answer["batchItemFailures"]) == 1, "no job of another queue is run from here"
