"""Messages of other regions are pushed here: once, in order, and none is passed (R8, R9)."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel.errors import Unavailable
from chalicelib.messaging.foreign import HOLE_S
from chalicelib.model.identifiers import Region
from chalicelib.model.replication import Arrival
from tests.support.deployment import AP, EU, US, Deployment, dedupes, entries, heads, number
from tests.support.faults import How, Plan, at_every_call, plant
from tests.support.world import Killed, World

MINUTE_MS = 60_000
Planted = Callable[[World], Plan]


def lobby(*regions: Region, **settings: Any) -> Deployment:
    deployment = Deployment(*regions, triggers=True, **settings)
    deployment.room("alice", "bob", "carol")
    return deployment


def heard(world: World, device: str) -> list[str]:
    return [data["content"] for data in world.poster.to(device, "message_received")]


def test_a_message_is_pushed_in_every_region() -> None:
    deployment = lobby(US, EU, AP)
    devices = {region: deployment[region].connect("bob") for region in (US, EU, AP)}
    deployment.send(US, "from the west")
    deployment.send(AP, "from the east")
    deployment.replicate()
    deployment.pump()
    for region, device in devices.items():
        assert sorted(heard(deployment[region], device)) == ["from the east", "from the west"]


def test_what_is_reported_again_is_not_pushed_again() -> None:
    deployment = lobby()
    device = deployment[EU].connect("bob")
    deployment.send(US, "1")
    [entry] = [item.value for item in deployment.logs[US].written if entries(item)]
    deployment.replicate()
    for _ in range(3):
        deployment.report(EU, [entry])
        deployment.pump()
    assert heard(deployment[EU], device) == ["1"]


@pytest.mark.parametrize("order", [(1, 3, 2), (3, 2, 1), (2, 3, 1), (3, 1, 2)])
def test_delivery_does_not_pass_a_hole(order: tuple[int, ...]) -> None:
    deployment = lobby()
    device = deployment[EU].connect("bob")
    for text in "123":
        deployment.send(US, text)
    here: set[int] = set()
    for seq in order:
        deployment.replicate(number(seq))
        deployment.pump()
        here.add(seq)
        whole = next(last for last in range(4) if last + 1 not in here)
        assert heard(deployment[EU], device) == list("123"[:whole])
    assert heard(deployment[EU], device) == list("123")


def test_what_is_written_while_a_hole_is_there_comes_after_it() -> None:
    deployment = lobby()
    device = deployment[EU].connect("bob")
    for text in "12345":
        deployment.send(US, text)
    deployment.replicate(number(1))
    deployment.replicate(lambda item: entries(item) and item.value.seq > 2)
    deployment.pump()
    assert heard(deployment[EU], device) == ["1"]
    deployment.send(EU, "ours")
    deployment.pump()
    assert heard(deployment[EU], device) == ["1", "ours"], "a hole delays its own stream only"
    deployment.replicate()
    deployment.pump()
    assert heard(deployment[EU], device) == ["1", "ours", "2", "3", "4", "5"]


class TestLost:
    """An entry whose region was lost before it was replicated."""

    def _passed(self) -> tuple[Deployment, str]:
        deployment = lobby()
        device = deployment[EU].connect("bob")
        for text in "1234":
            deployment.send(US, text)
        deployment.replicate(lambda item: entries(item) and item.value.seq in (1, 4))
        deployment.pump()
        deployment.wait(HOLE_S - 1)
        assert heard(deployment[EU], device) == ["1"]
        deployment.wait(2)
        return deployment, device

    def test_the_stream_goes_on_after_a_while(self) -> None:
        deployment, device = self._passed()
        assert heard(deployment[EU], device) == ["1", "4"]

    def test_it_is_counted(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        self._passed()
        assert '"entries_passed_over":2' in caplog.text

    @pytest.mark.parametrize("order", [(2, 3), (3, 2)])
    def test_what_arrives_after_all_is_pushed_late_and_once(self, order: tuple[int, int]) -> None:
        deployment, device = self._passed()
        for seq in order:
            deployment.replicate(number(seq))
            deployment.pump()
        deployment.replicate()
        deployment.send(US, "5")
        deployment.replicate()
        deployment.pump()
        assert heard(deployment[EU], device) == ["1", "4", *("1234"[seq - 1] for seq in order), "5"]

    def test_those_that_arrive_together_are_all_pushed(self) -> None:
        deployment, device = self._passed()
        deployment.send(US, "5")
        deployment.replicate()
        deployment.pump()
        assert sorted(heard(deployment[EU], device)) == list("12345")

    def test_another_hole_waits_as_long(self) -> None:
        deployment, device = self._passed()
        for text in "567":
            deployment.send(US, text)
        deployment.replicate(number(7))
        deployment.pump()
        assert heard(deployment[EU], device) == ["1", "4"]
        deployment.wait(HOLE_S + 1)
        assert heard(deployment[EU], device) == ["1", "4", "7"]

    def test_a_hole_behind_the_last_arrival_is_passed_too(self) -> None:
        """What arrived last is before the hole, and what waits behind it came first."""
        deployment = lobby()
        device = deployment[EU].connect("bob")
        for text in "1234":
            deployment.send(US, text)
        deployment.replicate(lambda item: entries(item) and item.value.seq in (2, 4))
        deployment.pump()
        deployment.replicate(number(1))
        deployment.pump()
        assert heard(deployment[EU], device) == ["1", "2"]
        deployment.wait(HOLE_S + 1)
        assert heard(deployment[EU], device) == ["1", "2", "4"]

    def test_without_the_cache_the_stream_goes_on_too(self) -> None:
        deployment = lobby()
        device = deployment[EU].connect("bob")
        for text in "12":
            deployment.send(US, text)
        deployment[EU].cache.down = True
        deployment.replicate(number(2))
        deployment.pump()
        deployment[EU].cache.down = False
        deployment.wait(HOLE_S + 1)
        assert heard(deployment[EU], device) == ["2"]


class TestNoCursor:
    """A region that has delivered nothing of a stream yet: it is new, or its table was lost."""

    def test_what_was_written_long_before_is_not_pushed(self) -> None:
        deployment = lobby()
        deployment.triggers = False
        for number_ in range(60):
            deployment.send(US, f"old {number_}")
        deployment.replicate()
        deployment.triggers = True
        deployment.pass_ms(20 * MINUTE_MS)
        device = deployment[EU].connect("bob")
        deployment.send(US, "new")
        deployment.replicate()
        deployment.pump()
        assert heard(deployment[EU], device) == ["new"]

    def test_a_hole_before_the_first_one_counts(self) -> None:
        deployment = lobby()
        deployment.triggers = False
        deployment.send(US, "old")
        deployment.replicate()
        deployment.triggers = True
        deployment.pass_ms(20 * MINUTE_MS)
        device = deployment[EU].connect("bob")
        deployment.send(US, "1")
        deployment.send(US, "2")
        deployment.replicate(number(3))
        deployment.pump()
        assert heard(deployment[EU], device) == []
        deployment.replicate()
        deployment.pump()
        assert heard(deployment[EU], device) == ["1", "2"]


class TestCopies:
    """A resend went to another region: every device gets one of the two."""

    @pytest.mark.parametrize("ahead_ms", [-40, 40])
    @pytest.mark.parametrize("third_hears_first", [US, EU])
    def test_each_device_gets_one(self, ahead_ms: int, third_hears_first: Region) -> None:
        deployment = lobby(US, EU, AP)
        devices = {region: deployment[region].connect("bob") for region in (US, EU, AP)}
        deployment.pass_ms(1000)
        deployment[EU].clock.ms += ahead_ms
        deployment.send(US, "once", client_message_id="c1")
        deployment.send(EU, "once", client_message_id="c1")
        deployment.pump()
        deployment.replicate(source=third_hears_first, target=AP)
        deployment.pump()
        deployment.replicate()
        deployment.pump()
        for region, device in devices.items():
            assert heard(deployment[region], device) == ["once"], region

    def test_after_their_dedupe_items_came_late(self) -> None:
        deployment = lobby()
        deployment.send(US, "once", client_message_id="c1")
        deployment.replicate(lambda item: entries(item) or heads(item))
        deployment.pump()
        deployment.send(EU, "once", client_message_id="c1")
        deployment.replicate(dedupes)
        for _ in range(2):  # then that a copy was noted
            deployment.replicate()
            deployment.pump()
        for region in (US, EU):
            answer = deployment[region].http(rest.list_messages, "bob", room_id="lobby")
            assert [each["content"] for each in answer.body["messages"]] == ["once"], region
            [room] = deployment[region].http(rest.list_rooms, "bob").body["rooms"]
            assert room["unread"] == 1, region

    def test_a_resend_after_replication_is_pushed_once_in_its_own_group(self) -> None:
        deployment = lobby()
        device = deployment[EU].connect("bob")
        deployment.send(US, "once", client_message_id="c1")
        deployment.replicate()
        deployment.send(EU, "once", client_message_id="c1")
        jobs = deployment[EU].adapters.delivery.jobs
        assert {job.group for job in jobs if "entry" in job.kind} == {f"lobby#{US}"}
        deployment.pump()
        assert heard(deployment[EU], device) == ["once"]


def test_parts_of_a_large_room_get_it_once_over_a_hole() -> None:
    deployment = lobby(split_over=1)
    devices = [deployment[EU].connect(user) for user in ("alice", "bob", "carol")]
    for text in "1234":
        deployment.send(US, text)
    deployment.replicate(lambda item: entries(item) and item.value.seq != 2)
    deployment.pump()
    deployment.wait(HOLE_S + 1)
    deployment.send(US, "5")
    deployment.replicate()
    deployment.pump()
    for device in devices:
        assert [text for text in heard(deployment[EU], device) if text != "2"] == list("1345")
        assert heard(deployment[EU], device).count("2") == 1


@pytest.mark.parametrize("how", list(How))
def test_whatever_call_fails_it_is_pushed_in_order(how: How) -> None:
    """Twice only with the same message id: what was posted, but not noted, is posted again."""

    def case(planted: Planted) -> None:
        deployment = lobby()
        device = deployment[EU].connect("bob")
        for number_, text in enumerate("123"):
            deployment.send(US, text, client_message_id=f"c{number_}")
        arrived: list[Arrival] = [i.value for i in deployment.logs[US].written if entries(i)]
        deployment.triggers = False
        deployment.replicate()
        planted(deployment[EU])
        for some in (arrived[::-2], arrived, arrived):  # Lambda repeats a batch that failed
            with contextlib.suppress(Killed, Unavailable):
                deployment.report(EU, some)
        deployment.wait(2 * HOLE_S)
        got = heard(deployment[EU], device)
        assert list(dict.fromkeys(got)) == list("123"), got

    assert at_every_call(how, case)


@pytest.mark.parametrize("seed", range(30))
def test_in_any_order_of_arrival_every_device_gets_everything(seed: int) -> None:
    draw = random.Random(seed)
    regions = (US, EU, AP)[: draw.choice((2, 3))]
    deployment = lobby(*regions)
    devices = {region: deployment[region].connect("bob") for region in regions}
    sent: dict[Region, list[str]] = {region: [] for region in regions}
    for step in range(draw.randint(10, 40)):
        if draw.random() < 0.6:
            region = draw.choice(regions)
            client_id = f"c{step}" if draw.random() < 0.5 else None
            deployment.send(region, f"{region} {step}", client_message_id=client_id)
            sent[region].append(f"{region} {step}")
        deployment.replicate(lambda item: draw.random() < 0.3)
        if draw.random() < 0.5:
            deployment.pump()
    deployment.replicate()
    deployment.pump()
    for region, device in devices.items():
        got = heard(deployment[region], device)
        for source, texts in sent.items():
            assert [text for text in got if text.startswith(source)] == texts, (region, source)


def test_a_world_alone_queues_nothing_of_it() -> None:
    world = World()
    plan = plant(world, 10**6, How.REFUSED)
    world.room("alice", "bob")
    body = {"message_type": "text", "content": "x", "client_message_id": "c"}
    assert world.http(rest.post_message, "alice", body, room_id="lobby").status == 201
    world.pump()
    assert "log.elsewhere" not in plan.made


def test_the_first_entry_that_arrives_while_its_stream_begins_is_pushed() -> None:
    deployment = lobby()
    device = deployment[EU].connect("bob")
    for text in "12":
        deployment.send(US, text)
    deployment.replicate(lambda item: not (entries(item) and item.value.seq == 1))
    log = deployment.logs[EU]
    after = log.after

    def arrives_after(*args: Any) -> Any:
        found = after(*args)
        log.after = after  # type: ignore[method-assign]
        deployment.replicate()
        return found

    log.after = arrives_after  # type: ignore[method-assign]
    deployment.pump()
    assert heard(deployment[EU], device) == ["1", "2"]


def test_a_snapshot_shows_nothing_that_is_pushed_after_what_is_missing() -> None:
    deployment = lobby()
    device = deployment[EU].connect("bob")
    for text in "1234":
        deployment.send(US, text)
    deployment.replicate(lambda item: not (entries(item) and item.value.seq == 2))
    deployment.pump()
    found = deployment[EU].act(device, "sync", positions={"lobby": ""})["conversations"]["lobby"]
    assert [each["content"] for each in found["messages"]] == ["1"]
    deployment.replicate()
    deployment.pump()
    assert heard(deployment[EU], device) == list("1234")
    found = deployment[EU].act(device, "sync", positions={"lobby": ""})["conversations"]["lobby"]
    assert [each["content"] for each in found["messages"]] == list("1234")
