"""An answer comes after the question that its sender has seen, whatever the clocks say."""

from __future__ import annotations

import logging

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel import ids
from tests.support.counting import counted
from tests.support.deployment import AP, EU, US, Deployment


def contents(deployment: Deployment, region: str = US) -> list[str]:
    found = deployment[region].http(rest.list_messages, "bob", room_id="lobby")
    return [message["content"] for message in found.body["messages"]]


@pytest.fixture
def deployment() -> Deployment:
    deployment = Deployment(US, EU, AP)
    deployment.room("alice", "bob")
    return deployment


@pytest.mark.parametrize("behind_ms", [40, 5_000, ids.MOST_AHEAD_MS - 1_000])
def test_a_clock_that_is_behind_orders_no_answer_before_its_question(
    deployment: Deployment, behind_ms: int
) -> None:
    deployment[EU].clock.ms -= behind_ms
    deployment.send(US, "question")
    deployment.replicate()
    deployment.send(EU, "answer", "bob")
    deployment.replicate()
    for region in deployment.regions:
        assert contents(deployment, region) == ["question", "answer"]


def test_the_clock_follows_the_newest_of_all_regions(deployment: Deployment) -> None:
    deployment[EU].clock.ms -= 5_000
    deployment[AP].clock.ms -= 9_000
    deployment.send(US, "first")
    deployment.replicate()
    deployment.send(EU, "second")
    deployment.replicate(source=EU, target=AP)
    deployment.send(AP, "third")
    deployment.replicate()
    assert contents(deployment, EU) == ["first", "second", "third"]


def test_drafts_that_wait_in_line_come_after_what_their_senders_have_seen(
    deployment: Deployment,
) -> None:
    world = deployment[EU]
    world.clock.ms -= 5_000
    deployment.send(US, "question")
    deployment.replicate()
    for redis_is_down in (False, True):
        world.cache.down = redis_is_down
        deployment.send(EU, "answer")
    world.cache.down = False
    device = world.connect("bob")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "answer"}
    world.act(device, "send_message", **body)
    deployment.replicate()
    assert contents(deployment) == ["question", "answer", "answer", "answer"]


def test_a_clock_that_is_far_ahead_is_not_followed_and_alarms(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    deployment[US].clock.ms += ids.MOST_AHEAD_MS + 5_000
    deployment.send(US, "of tomorrow")
    deployment.replicate()
    with caplog.at_level(logging.INFO, "chalicelib"):
        answer = deployment.send(EU, "of today")
    assert ids.time_ms(answer["message_id"]) == deployment[EU].clock.ms
    [line] = [each.message for each in caplog.records if "clock_ahead_ms" in each.message]
    assert f'"clock_ahead_ms":{ids.MOST_AHEAD_MS + 5_000 - 1}' in line


def test_an_id_that_a_client_names_moves_no_clock(deployment: Deployment) -> None:
    ahead = ids.first_at(deployment[EU].clock.ms + 30_000)
    answer = deployment.send(EU, "reply", reply_to_message_id=ahead)
    assert ids.time_ms(answer["message_id"]) == deployment[EU].clock.ms


def test_it_costs_one_read_and_nothing_in_a_single_region(deployment: Deployment) -> None:
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    single = Deployment(US)
    single.room("alice", "bob")
    for each, calls in ((single, ["commit"]), (deployment, ["elsewhere", "commit"])):
        world = each[US]
        device = world.connect("alice")
        world.act(device, "send_message", **body)
        ports = counted(world)
        world.act(device, "send_message", client_message_id="c1", **body)
        assert ports["log"].calls == calls
