"""What is acked as `global` is delivered in a second region if the first one is lost."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.settings import Alone
from chalicelib.messaging.durability import REST_MS
from chalicelib.messaging.foreign import HOLE_S
from chalicelib.model.log import Durability
from tests.support.counting import counted
from tests.support.deployment import AP, EU, US, Deployment, Item, dedupes, entries, heads
from tests.support.durability import COPY_S, heard, history, lobby, send_to, state, sync
from tests.support.faults import How, Plan, at_every_call
from tests.support.world import Killed, World


class TestLost:
    """The region that wrote the message never comes back."""

    def test_it_is_pushed_in_the_other_region_once(self) -> None:
        deployment = lobby()
        device = deployment[EU].connect("bob")
        sent = deployment.send(US, "kept", durability="global")
        assert sent["durability"] == "global"
        deployment.send(US, "lost")
        deployment.lose(US)
        deployment.wait(COPY_S)
        deployment.pump()
        assert heard(deployment[EU], device) == ["kept"]
        [pushed] = deployment[EU].poster.to(device, "message_received")
        assert pushed["message_id"] == sent["message_id"]
        assert pushed["position"] == sent["position"]

    def test_sync_history_and_unread_have_it(self) -> None:
        deployment = lobby()
        deployment.send(US, "before")
        deployment.replicate()
        start = sync(deployment[EU], "")["position"]
        deployment.send(US, "kept", durability="global")
        deployment.lose(US)
        deployment.wait(COPY_S)
        assert state(sync(deployment[EU], start)) == (["kept"], True, False)
        assert history(deployment[EU]) == ["before", "kept"]
        assert sync(deployment[EU], start)["unread"] == 2
        [room] = deployment[EU].http(rest.list_rooms, "bob").body["rooms"]
        assert room["unread"] == 2

    def test_it_can_be_read_and_deleted(self) -> None:
        deployment = lobby()
        sent = deployment.send(US, "kept", durability="global")
        deployment.lose(US)
        deployment.wait(COPY_S)
        device = deployment[EU].connect("bob")
        ref = {"conversation_id": "lobby", "message_id": sent["message_id"]}
        deployment[EU].act(device, "message_read", **ref)
        assert sync(deployment[EU], "")["unread"] == 0
        alice = deployment[EU].connect("alice")
        deployment[EU].act(alice, "delete_message", **ref)
        assert history(deployment[EU]) == [None]

    def test_a_resend_to_the_other_region_finds_it(self) -> None:
        deployment = lobby()
        sent = deployment.send(US, "kept", durability="global", client_message_id="c1")
        deployment.lose(US)
        deployment.wait(COPY_S)
        again = deployment.send(EU, "kept", durability="global", client_message_id="c1")
        assert (again["message_id"], again["durability"]) == (sent["message_id"], "global")
        assert history(deployment[EU]) == ["kept"]

    def test_a_third_region_gets_it_from_the_second(self) -> None:
        deployment = lobby(US, EU, AP)
        device = deployment[EU].connect("bob")
        deployment.send(US, "kept", durability="global")
        deployment.lose(US)
        deployment.wait(COPY_S)
        deployment.replicate()
        deployment.pump()
        assert heard(deployment[EU], device) == ["kept"]
        assert state(sync(deployment[EU], "")) == state(sync(deployment[AP], ""))
        assert state(sync(deployment[AP], ""))[0] == ["kept"]

    def test_the_second_region_sends_it_on_once_however_often_its_store_is_away(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployment = lobby(US, EU, AP)
        deployment.send(US, "kept", durability="global")
        deployment.lose(US)
        keep, tries = deployment.logs[AP].keep, itertools.count()

        def away(*given: Any) -> bool:
            if next(tries) < 3:
                raise Unavailable("the store is away")
            return keep(*given)

        monkeypatch.setattr(deployment.logs[AP], "keep", away)
        deployment.wait(COPY_S)
        assert next(tries) > 3
        assert deployment.peer_queues[AP].asked == [EU]
        assert history(deployment[AP]) == ["kept"]

    def test_what_comes_later_follows_it(self) -> None:
        deployment = lobby()
        device = deployment[EU].connect("bob")
        deployment.send(US, "kept", durability="global")
        deployment.lose(US)
        deployment.wait(COPY_S)
        deployment.send(EU, "answer")
        deployment.pump()
        assert heard(deployment[EU], device) == ["kept", "answer"]
        assert history(deployment[EU]) == ["kept", "answer"]

    def test_a_deletion_in_a_global_room_holds(self) -> None:
        deployment = lobby(durability=Durability.GLOBAL)
        sent = deployment.send(US, "regretted")
        deployment.replicate()
        ref = {"conversation_id": "lobby", "message_id": sent["message_id"]}
        deployment[US].act(deployment[US].connect("alice"), "delete_message", **ref)
        deployment.lose(US)
        device = deployment[EU].connect("bob")
        deployment.wait(COPY_S)
        deployment.pump()
        assert history(deployment[EU]) == [None]
        assert deployment[EU].poster.to(device, "message_deleted")

    def test_the_message_and_its_deletion_were_both_not_replicated(self) -> None:
        deployment = lobby(durability=Durability.GLOBAL)
        sent = deployment.send(US, "regretted")
        ref = {"conversation_id": "lobby", "message_id": sent["message_id"]}
        deployment[US].act(deployment[US].connect("alice"), "delete_message", **ref)
        deployment.lose(US)
        deployment.wait(COPY_S)
        deployment.pump()
        assert history(deployment[EU]) in ([], [None])


class TestHole:
    """Messages before it died with their region."""

    def _lost(self) -> tuple[Deployment, str, str]:
        deployment = lobby()
        deployment.send(US, "1")
        deployment.replicate()
        deployment.pump()
        start = sync(deployment[EU], "")["position"]
        device = deployment[EU].connect("carol")
        deployment.send(US, "lost")
        deployment.send(US, "kept", durability="global")
        deployment.lose(US)
        deployment.wait(COPY_S)
        return deployment, start, device

    def test_it_is_pushed_after_a_while(self) -> None:
        deployment, _, device = self._lost()
        assert heard(deployment[EU], device) == []
        deployment.wait(HOLE_S + 1)
        assert heard(deployment[EU], device) == ["kept"]

    def test_history_has_it_at_once_and_sync_when_nobody_waits_any_more(self) -> None:
        deployment, start, _ = self._lost()
        assert history(deployment[EU]) == ["1", "kept"]
        waiting = sync(deployment[EU], start)
        assert state(waiting) == ([], True, False)
        deployment.wait(HOLE_S + 1)
        snapshot = sync(deployment[EU], waiting["position"])
        assert state(snapshot) == (["1", "kept"], False, False)
        assert state(sync(deployment[EU], snapshot["position"])) == ([], True, False)

    def test_entries_before_the_hole_do_not_hide_it(self) -> None:
        deployment = lobby()
        start = sync(deployment[EU], "")["position"]
        deployment.send(US, "1")
        deployment.replicate()
        deployment.send(US, "lost")
        deployment.send(US, "kept", durability="global")
        deployment.lose(US)
        deployment.wait(COPY_S)
        deployment.wait(HOLE_S + 1)
        part = sync(deployment[EU], start)
        if part["recovered"]:
            assert part["more"]
            part = sync(deployment[EU], part["position"])
        assert state(part) == (["1", "kept"], False, False)


class TestBackWithoutItsData:
    """It has its tables from the other region, which has kept entries and no head of its stream."""

    @pytest.mark.parametrize("cache", ["up", "down"])
    def test_it_goes_on_behind_what_was_kept(self, cache: str) -> None:
        deployment = lobby()
        deployment.send(US, "1")
        deployment.replicate()
        deployment.send(US, "lost")
        deployment.send(US, "kept", durability="global")
        deployment.lose(US)
        deployment.wait(COPY_S)
        deployment.wait(HOLE_S)
        device = deployment[EU].connect("bob")
        deployment.restore(US, EU)
        deployment[US].cache.down = cache == "down"
        for text in "45":
            deployment.send(US, text)
        found = deployment.logs[US].after("lobby", US, "", 10)
        assert [(each.seq, each.content) for each in found] == [
            (1, "1"), (3, "kept"), (4, "4"), (5, "5")
        ]  # fmt: skip
        deployment.replicate()
        deployment.pump()
        assert heard(deployment[EU], device) == ["4", "5"]
        for region in (US, EU):
            assert history(deployment[region]) == ["1", "kept", "4", "5"]


class TestBack:
    """The region was slow, or cut off, and is there again."""

    def test_what_replication_brings_in_time_is_not_written_again(self) -> None:
        deployment = lobby()
        device = deployment[EU].connect("bob")
        deployment.send(US, "quick", durability="global", client_message_id="c1")
        deployment.replicate()
        ports = counted(deployment[EU])
        deployment.wait(COPY_S)
        assert "keep" not in ports["log"].calls
        assert deployment.logs[EU].written == []
        assert heard(deployment[EU], device) == ["quick"]

    @pytest.mark.parametrize("which", [heads, dedupes, entries, lambda item: True])
    def test_what_comes_late_changes_nothing(self, which: Callable[[Item], bool]) -> None:
        deployment = lobby()
        device = deployment[EU].connect("bob")
        for text in "12":
            deployment.send(US, text, durability="global", client_message_id=f"c{text}")
        deployment.replicate(which)
        deployment.wait(COPY_S)
        for text in "34":
            deployment.send(US, text)
        for _ in range(2):
            deployment.replicate()
            deployment.pump()
        assert heard(deployment[EU], device) == list("1234")
        for region in (US, EU):
            assert history(deployment[region]) == list("1234")
            assert sync(deployment[region], "")["unread"] == 4
        position = sync(deployment[US], "")["position"]
        assert state(sync(deployment[EU], position)) == ([], True, False)

    def test_its_own_stream_has_no_fork(self) -> None:
        deployment = lobby()
        deployment.send(US, "1", durability="global")
        deployment.send(US, "2", durability="global")
        deployment.wait(COPY_S)
        for text in "34":
            deployment.send(US, text)
        deployment.replicate(source=EU)
        deployment.send(US, "5")
        deployment.replicate()
        found = deployment.logs[US].after("lobby", US, "", 10)
        assert [(each.seq, each.content) for each in found] == list(enumerate("12345", 1))

    @pytest.mark.parametrize("seed", range(40))
    def test_a_deletion_holds_in_whatever_order_items_arrive(self, seed: int) -> None:
        """The kept entry is the later write, and would win over the mark of the deletion."""
        draw = random.Random(seed)
        deployment = lobby(US, EU, AP)
        sent = deployment.send(US, "regretted", durability="global", client_message_id="c1")
        ref = {"conversation_id": "lobby", "message_id": sent["message_id"]}

        def delete() -> None:
            deployment[US].act(deployment[US].connect("alice"), "delete_message", **ref)

        early = draw.random() < 0.6
        if early:
            delete()
        for _ in range(draw.randint(0, 3)):
            deployment.replicate(lambda item: draw.random() < 0.3)
            deployment.pump()
        deployment.wait(COPY_S)
        for _ in range(draw.randint(0, 3)):
            deployment.replicate(lambda item: draw.random() < 0.3)
            deployment.pump()
        if not early:
            delete()
        for _ in range(5):
            deployment.replicate()
            deployment.pump()
        for region in (US, EU, AP):
            assert history(deployment[region]) == [None], region


@pytest.mark.parametrize("how", list(How))
def test_whatever_call_of_the_sender_fails_an_ack_is_kept(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        deployment = lobby(global_alone=Alone.REFUSE)
        device = deployment[EU].connect("bob")
        planted(deployment[US])
        acked = None
        for _ in range(4):
            with contextlib.suppress(Killed):
                answer = send_to(deployment[US], "x", durability="global", client_message_id="c1")
                if answer.status == 201:
                    acked = answer.body
                    break
            deployment.pass_ms(REST_MS)
        assert acked is not None
        assert acked["durability"] == "global"
        deployment.lose(US)
        deployment.wait(COPY_S)
        deployment.pump()
        assert heard(deployment[EU], device) == ["x"]
        assert history(deployment[EU]) == ["x"]

    assert at_every_call(how, case)


@pytest.mark.parametrize("how", list(How))
def test_whatever_call_of_the_keeper_fails_it_is_delivered(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        deployment = lobby()
        start = sync(deployment[EU], "")["position"]
        device = deployment[EU].connect("bob")
        deployment.send(US, "1", durability="global", client_message_id="c1")
        deployment.send(US, "lost")
        deployment.send(US, "2", durability="global", client_message_id="c2")
        deployment.lose(US)
        plan = planted(deployment[EU])
        for seconds in (COPY_S, HOLE_S, HOLE_S, HOLE_S, HOLE_S):
            with contextlib.suppress(Killed, Unavailable):
                deployment.wait(seconds)
        plan.over = True
        deployment.wait(1)
        got = heard(deployment[EU], device)
        assert list(dict.fromkeys(got)) == ["1", "2"], got
        assert history(deployment[EU]) == ["1", "2"]
        part = sync(deployment[EU], start)
        if part["more"]:
            part = sync(deployment[EU], part["position"])
        assert "2" in state(part)[0], "readers do not wait for the lost one, either"

    assert at_every_call(how, case)


@pytest.mark.parametrize("seed", range(40))
def test_no_acked_global_message_is_lost_with_a_region(seed: int) -> None:
    draw = random.Random(seed)
    regions = (US, EU, AP)[: draw.choice((2, 3))]
    deployment = lobby(*regions)
    left = [region for region in regions if region != US]
    devices = {region: deployment[region].connect("bob") for region in left}
    acked: list[str] = []
    for step in range(draw.randint(5, 30)):
        text, client_id = f"m{step}", f"c{step}" if draw.random() < 0.5 else None
        asked = draw.choice(("regional", "global"))
        more = {"durability": asked, "client_message_id": client_id}
        sent = deployment.send(US, text, **more)
        acked += [text] if sent["durability"] == "global" else []
        deployment.replicate(lambda item: draw.random() < 0.2)
        if draw.random() < 0.3:
            deployment.wait(draw.choice((0.5, COPY_S)))
        if draw.random() < 0.2:
            deployment.send(draw.choice(left), f"{step} of another region")
    deployment.lose(US)
    deployment.wait(COPY_S)
    for seconds in (HOLE_S, *[2] * 60):  # several holes may each be waited for
        deployment.replicate()
        deployment.pump()
        deployment.wait(seconds)
    for region, device in devices.items():
        got = heard(deployment[region], device)
        assert len(got) == len(set(got)), (region, got)
        assert set(acked) <= set(got), (region, set(acked) - set(got))
        assert set(acked) <= set(history(deployment[region])), region
        snapshot = sync(deployment[region], "")
        assert state(sync(deployment[region], snapshot["position"]))[0] == []
