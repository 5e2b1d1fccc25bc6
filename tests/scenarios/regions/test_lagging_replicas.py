"""What a replica does not have yet is neither lost nor another history, and never skipped."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.contract import positions
from chalicelib.entrypoints.http import rest
from chalicelib.messaging.backlog import RECENT_MS
from chalicelib.model.identifiers import Region
from tests.support.deployment import EU, US, Deployment, Item, entries, heads, number
from tests.support.regions import LOBBY

DAY_MS = 24 * 3_600_000


@pytest.fixture
def deployment() -> Deployment:
    deployment = Deployment(US, EU)
    deployment.room("alice", "bob")
    return deployment


def sync(deployment: Deployment, region: Region, position: str, limit: int = 100) -> Any:
    device = deployment[region].connect("bob")
    found = deployment[region].act(device, "sync", positions={"lobby": position}, limit=limit)
    deployment[region].disconnect(device)
    return found["conversations"]["lobby"]


def contents(part: Any) -> list[str]:
    return [message["content"] for message in part["messages"]]


def state(part: Any) -> tuple[list[str], bool, bool]:
    return contents(part), part["recovered"], part["more"]


def test_a_room_is_the_same_in_both_regions(deployment: Deployment) -> None:
    """R1."""
    for text, region in (("1", US), ("2", EU), ("3", US), ("4", EU)):
        deployment.send(region, text)
        deployment.replicate()
    for region in (US, EU):
        part = sync(deployment, region, "")
        assert contents(part) == ["1", "2", "3", "4"]
        page = deployment[region].http(rest.list_messages, "bob", room_id="lobby").body
        assert contents(page) == ["1", "2", "3", "4"]
        assert part["position"] == page["position"]
    deployment.send(EU, "5")
    deployment.replicate()
    assert state(sync(deployment, US, part["position"])) == (["5"], True, False)


def test_a_device_that_is_further_than_the_replica_waits(deployment: Deployment) -> None:
    """R6: it moved to a region that has not got yet what it saw in the other."""
    start = sync(deployment, EU, "")["position"]
    for text in ("1", "2"):
        deployment.send(US, text)
    ahead = sync(deployment, US, start)
    assert contents(ahead) == ["1", "2"]
    moved = sync(deployment, EU, ahead["position"])
    assert state(moved) == ([], True, False)
    deployment.send(US, "3")
    deployment.replicate()
    assert state(sync(deployment, EU, moved["position"])) == (["3"], True, False)


def test_a_head_without_its_entries_promises_nothing(deployment: Deployment) -> None:
    deployment.send(US, "1")
    deployment.replicate()
    start = sync(deployment, EU, "")["position"]
    for text in ("2", "3", "4"):
        deployment.send(US, text)
    deployment.replicate(heads)
    part = sync(deployment, EU, start)
    assert state(part) == ([], True, False)
    deployment.replicate(number(3))
    deployment.replicate(number(4))
    part = sync(deployment, EU, part["position"])
    assert state(part) == ([], True, False)
    deployment.replicate(number(2))
    assert state(sync(deployment, EU, part["position"])) == (["2", "3", "4"], True, False)


@pytest.mark.parametrize("cached", [True, False])
def test_an_entry_that_was_pushed_before_its_head_was_here_comes(cached: bool) -> None:
    """Whoever connects after the push, and before the head is here, is pushed nothing."""
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob")
    start = sync(deployment, EU, "")["position"]
    deployment.send(US, "1")
    deployment.replicate(entries)
    deployment.pump()
    deployment[EU].cache.down = not cached
    first = sync(deployment, EU, start)
    assert state(first) == (["1"], True, False)
    deployment[EU].cache.down = False
    deployment.send(EU, "2")
    deployment.replicate()
    assert state(sync(deployment, EU, first["position"])) == (["2"], True, False)


def test_an_entry_is_pushed_when_its_head_is_here_too() -> None:
    """Otherwise a device that connects meanwhile finds it nowhere, and answers sort before it."""
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob")
    device = deployment[EU].connect("bob")
    deployment.send(US, "1")
    deployment.replicate(entries)
    with pytest.raises(AssertionError, match="did not become empty"):
        deployment[EU].pump(rounds=20)
    assert deployment[EU].poster.to(device, "message_received") == []
    deployment.replicate()
    deployment.pump()
    [message] = deployment[EU].poster.to(device, "message_received")
    assert message["content"] == "1"


def test_a_head_that_never_comes_is_not_waited_for_without_end() -> None:
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob")
    device = deployment[EU].connect("bob")
    deployment.send(US, "1")
    deployment.replicate(entries)
    deployment.pump()
    assert len(deployment[EU].poster.to(device, "message_received")) == 1


def test_entries_up_to_a_hole_come_and_those_behind_it_wait(deployment: Deployment) -> None:
    start = sync(deployment, EU, "")["position"]
    for text in ("1", "2", "3", "4"):
        deployment.send(US, text)
    deployment.replicate(heads)
    for seq in (1, 2, 4):
        deployment.replicate(number(seq))
    first = sync(deployment, EU, start, limit=1)
    assert state(first) == (["1"], True, True)
    second = sync(deployment, EU, first["position"], limit=1)
    assert contents(second) == ["2"]
    third = sync(deployment, EU, second["position"], limit=1)
    assert state(third) == ([], True, False)
    deployment.replicate()
    assert state(sync(deployment, EU, third["position"])) == (["3", "4"], True, False)


def test_a_snapshot_covers_no_entry_that_is_not_here(deployment: Deployment) -> None:
    for text in ("1", "2", "3"):
        deployment.send(US, text)
    deployment.replicate(heads)
    deployment.replicate(number(1))
    for position in ("", "another:1:" + "0" * 26):
        snapshot = sync(deployment, EU, position)
        assert contents(snapshot) == ["1"]
    device = deployment[EU].connect("bob")
    joined = deployment[EU].act(device, "join_room", room_id="lobby")["position"]
    deployment.replicate()
    for reached in (snapshot["position"], joined):
        assert state(sync(deployment, EU, reached)) == (["2", "3"], True, False)


def test_a_snapshot_covers_nothing_before_the_first_entry_is_here(deployment: Deployment) -> None:
    for text in ("1", "2", "3"):
        deployment.send(US, text)
    deployment.replicate(lambda item: not (entries(item) and item.value.seq == 1))
    snapshot = sync(deployment, EU, "")
    assert contents(snapshot) == [], "they are pushed after the first one"
    deployment.replicate()
    assert state(sync(deployment, EU, snapshot["position"])) == (["1", "2", "3"], True, False)


def test_what_delivery_should_have_pushed_minutes_ago_is_shown_over_a_hole(
    deployment: Deployment,
) -> None:
    for text in ("1", "2", "3"):
        deployment.send(US, text)
    deployment.replicate(lambda item: not (entries(item) and item.value.seq == 1))
    deployment.pass_ms(RECENT_MS + 1)
    assert contents(sync(deployment, EU, "")) == ["2", "3"]


def test_a_position_of_another_history_is_told_from_a_late_one(deployment: Deployment) -> None:
    other = Deployment(US, EU)
    other.room("alice", "bob")
    for text in ("a", "b", "c"):
        other.send(US, text)
    ahead = sync(other, US, "")["position"]
    deployment.pass_ms(1_000)
    deployment.send(US, "1")
    deployment.replicate()
    part = sync(deployment, EU, ahead)
    assert state(part) == (["1"], False, False), "its stream is shorter, and yet written later"
    beyond = positions.decode(ahead)[US]
    assert beyond.seq == 3
    assert sync(deployment, US, ahead)["recovered"] is False


def test_what_is_missing_for_a_day_is_not_late(deployment: Deployment) -> None:
    start = sync(deployment, EU, "")["position"]
    for text in ("1", "2", "3"):
        deployment.send(US, text)
    deployment.replicate(lambda item: heads(item) or (entries(item) and item.value.seq != 1))
    assert state(sync(deployment, EU, start)) == ([], True, False)
    deployment.pass_ms(DAY_MS + 1_000)
    deployment.send(EU, "4")
    assert state(sync(deployment, EU, start)) == (["2", "3", "4"], False, False)


def test_a_region_that_a_position_does_not_name_begins_when_it_was_made(
    deployment: Deployment,
) -> None:
    """R7: not from the beginning."""
    deployment.send(EU, "before")
    deployment.replicate()
    own = deployment.send(US, "own")["position"]
    assert "," not in own
    deployment.send(EU, "after")
    deployment.replicate()
    for region in (US, EU):
        assert state(sync(deployment, region, own)) == (["after"], True, False)


def test_a_position_names_also_regions_that_wrote_nothing_yet(deployment: Deployment) -> None:
    """So an entry that arrives late, with a lower id, is not before the position."""
    deployment.send(EU, "late")
    deployment.pass_ms(1_000)
    deployment.send(US, "on time")
    start = sync(deployment, US, "")
    assert start["position"].startswith("eu-west-1:0:" + "0" * 26 + ",us-east-1:1:")
    deployment.replicate()
    assert state(sync(deployment, US, start["position"])) == (["late"], True, False)


def test_at_most_limit_messages_come_of_all_regions_together(deployment: Deployment) -> None:
    start = sync(deployment, US, "")["position"]
    for text in "123456":
        deployment.send((US, EU)[int(text) % 2], text)
        deployment.replicate()
    got: list[str] = []
    more, pages = True, 0
    while more:
        part = sync(deployment, EU, start, limit=2)
        got += contents(part)
        start, more, pages = part["position"], part["more"], pages + 1
    assert (got, pages) == (list("123456"), 3)


def page(deployment: Deployment, region: Region, **query: str) -> Any:
    answer = deployment[region].http(rest.list_messages, "bob", room_id="lobby", query=query)
    assert answer.status == 200, answer
    return answer.body


def test_paging_forward_finds_what_arrives_late(deployment: Deployment) -> None:
    """R10."""
    deployment.send(EU, "late")
    deployment.pass_ms(1_000)
    for text in "1234":
        deployment.send(US, text)
    first = page(deployment, US, after="0" * 26, limit="2")
    assert (contents(first), first["more"]) == (["1", "2"], True)
    newest = page(deployment, US)
    deployment.replicate()
    second = page(deployment, US, after=first["next"])
    assert (contents(second), second["more"]) == (["late", "3", "4"], False)
    assert contents(page(deployment, US, after=newest["position"])) == ["late"]
    assert contents(page(deployment, EU)) == ["late", "1", "2", "3", "4"]
    back = page(deployment, EU, limit="2")
    assert contents(page(deployment, EU, before=back["next"])) == ["late", "1", "2"]
    assert page(deployment, EU, after=second["next"])["messages"] == []


def test_what_is_no_position_and_no_id_is_refused(deployment: Deployment) -> None:
    other = f"us-east-1:9:{'0' * 26}"
    for status, query in (
        (400, {"after": "x:y"}),
        (400, {"after": "x"}),
        (409, {"after": other}),
    ):
        answer = deployment[US].http(rest.list_messages, "bob", room_id="lobby", query=query)
        assert answer.status == status, query


def test_a_deletion_shows_before_its_mark_arrives(deployment: Deployment) -> None:
    message = deployment.send(US, "secret")
    deployment.replicate()
    start = sync(deployment, EU, "")["position"]
    ref = {"room_id": "lobby", "message_id": message["message_id"]}
    assert deployment[EU].http(rest.delete_message, "alice", **ref).status == 200

    def mark(item: Item) -> bool:
        return entries(item) and item.value.message_id == message["message_id"]

    deployment.replicate(lambda item: not mark(item))
    [deleted] = sync(deployment, US, start)["messages"]
    assert (deleted["is_deleted"], deleted["content"]) == (True, None)
    assert deleted["conversation_id"] == LOBBY


@pytest.mark.parametrize("then", ["", "3"])
def test_a_deletion_that_redis_was_not_told_of_shows(then: str) -> None:
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob")
    start = sync(deployment, US, "")["position"]
    message = deployment.send(US, "secret")
    deployment.send(EU, "2")
    deployment.replicate()
    deployment.pump()
    ref = {"room_id": "lobby", "message_id": message["message_id"]}
    assert deployment[EU].http(rest.delete_message, "alice", **ref).status == 200
    deployment.replicate()
    deployment[US].cache.down = True
    deployment.pump()
    deployment[US].cache.down = False
    if then:
        deployment.send(EU, then)
        deployment.replicate()
        deployment.pump()
    shown = sync(deployment, US, start)["messages"]
    assert [each["content"] for each in shown if not each["is_deleted"]] == ["2", *then]
    assert message["message_id"] in {each["message_id"] for each in shown}


def test_an_entry_without_a_head_is_shown_behind_one_that_nobody_waits_for() -> None:
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob")
    deployment.send(US, "1")
    deployment.replicate()
    deployment.pump()
    position = sync(deployment, EU, "")["position"]
    for text in "23":
        deployment.send(US, text)
    deployment.replicate(number(3))
    log = deployment[EU].adapters.log
    log.pass_over((LOBBY, US), 2, EU)
    deployment[EU].cache.deliver(LOBBY, log.before(LOBBY, US, None, 1))
    assert "3" in contents(sync(deployment, EU, position))
