"""The checks notice what is wrong: the product runs on twins that break a promise each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryMessageLog, MemoryPresenceStore
from chalicelib.model.identifiers import MessageId, Region, RoomId
from chalicelib.model.log import Duplicate, Entry
from chalicelib.model.presence import Presence
from workbench.simulator.checks import handed_on_again
from workbench.simulator.history import HandedOn
from workbench.simulator.injection import FaultPlan, Outage
from workbench.simulator.plan import Plan, Step
from workbench.simulator.run import run

CALM = Plan(
    scenario="calm",
    seed=1,
    devices={"ann/1": "json", "bob/1": "json", "cat/1": "socketio"},
    rooms={"red": ("ann", "bob", "cat")},
    friends=(("ann", "bob"),),
    steps=(
        Step(1, "ann/1", "connect"),
        Step(2, "bob/1", "connect"),
        Step(3, "cat/1", "connect"),
        Step(8, "bob/1", "join", ("red",)),
        Step(9, "cat/1", "join", ("red",)),
        *(
            Step(10 + n, f"{user}/1", "send", ("red", f"m{n}"))
            for n, user in enumerate(("ann", "bob") * 3)
        ),
        Step(25, "ann", "kick", ("red", "cat")),
        Step(30, "bob/1", "disconnect", ("cut",)),
    ),
    fault_plan=FaultPlan(calm_s=40),
)


class ForgetsEntries(MemoryMessageLog):
    def commit(self, entry: Entry, *rest: Any) -> Any:
        done = super().commit(entry, *rest)
        if entry.seq == 2:
            stream = self._entries[entry.room_id, entry.region]
            del stream[entry.message_id]
        return done


class KnowsNoResends(MemoryMessageLog):
    def _find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        return None


class ChangesContents(MemoryMessageLog):
    def after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        return [
            replace(e, content="other") for e in super().after(room_id, region, message_id, limit)
        ]


class SkipsOldest(MemoryMessageLog):
    def before(
        self, room_id: RoomId, region: Region, message_id: MessageId | None, limit: int
    ) -> list[Entry]:
        return super().before(room_id, region, message_id, limit)[1:]


class ShowsEverybody(MemoryPresenceStore):
    def change(self, presence: Presence, reset: bool) -> bool:
        return True


def _sees_nobody_once(twins: dict[str, Any]) -> None:
    """The delivery of the sixth message finds nobody connected."""
    log, cache = twins["log"], twins["cache"]
    commit, online = log.commit, cache.online
    left = [6]

    def committed(entry: Entry, *rest: Any) -> Any:
        left[0] -= 1
        return commit(entry, *rest)

    def seen(users: Any) -> Any:
        found = online(users)
        if left != [0]:
            return found
        left[0] = -1
        return replace(found, targets=())

    log.commit, cache.online = committed, seen


def _without(name: str, method: str) -> Callable[[dict[str, Any]], None]:
    """A twin whose method does nothing."""

    def distort(twins: dict[str, Any]) -> None:
        setattr(twins[name], method, lambda *_, **__: None)

    return distort


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    outcome = run(CALM)
    assert outcome.findings == ()
    assert outcome.counts["acked"] == 7  # the probe's message too
    assert outcome.counts["seen"] == 13  # three, four, and all six until the removal


@pytest.mark.parametrize(
    ("distort", "promise"),
    [
        (lambda twins: twins.update(log=ForgetsEntries()), "lost"),
        (lambda twins: twins.update(log=ChangesContents()), "stored"),
        (_without("connections", "disconnect"), "ghost"),
        (lambda twins: twins.update(presence=ShowsEverybody()), "presence"),
        (_without("cache", "bump"), "membership"),
        (_without("cache", "join"), "audience"),
    ],
)
def test_a_broken_promise_is_found(distort: Callable[[dict[str, Any]], None], promise: str) -> None:
    assert promise in {finding.promise for finding in run(CALM, distort=distort).findings}


def test_a_message_that_is_stored_twice_is_found() -> None:
    # The queue is away, so that the sender repeats a message that is stored.
    away = FaultPlan(outages=(Outage("sqs", 9, 20),), calm_s=40)
    plan = replace(CALM, fault_plan=away)
    outcome = run(plan, distort=lambda twins: twins.update(log=KnowsNoResends()))
    assert "doubled" in {finding.promise for finding in outcome.findings}


def test_a_message_that_waits_for_the_next_one_is_found() -> None:
    # Nobody reconnects and syncs, and only the queue's worker delivers.
    plan = replace(CALM, steps=CALM.steps[:-1], settings={**CALM.settings, "fast_lane": 0})
    assert run(plan).findings == ()
    found = {finding.promise for finding in run(plan, distort=_sees_nobody_once).findings}
    assert "late" in found


def test_a_hole_in_the_history_is_found() -> None:
    plan = replace(
        CALM,
        devices={**CALM.devices, "bob/api": "api"},
        steps=(*CALM.steps, Step(35, "bob/api", "read", ("red", "4"))),
    )
    assert run(plan).findings == ()
    outcome = run(plan, distort=lambda twins: twins.update(log=SkipsOldest()))
    assert "history" in {finding.promise for finding in outcome.findings}


def _handed(*events: tuple[int, str], life: int = 1, upgraded: bool = False) -> list[HandedOn]:
    return [HandedOn("cat/1", life, line, message, upgraded) for line, message in events]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (_handed((1, "a"), (1, "b"), (2, "c")), 0),
        (_handed((1, "a"), (1, "b"), (1, "a")), 1),
        (_handed((1, "a")) + _handed((2, "a"), life=2), 0),  # it began anew, with a snapshot
        (_handed((1, "a"), (1, "b"), (2, "b")), 0),  # in flight when the line broke
        (_handed((1, "a"), *((1, str(n)) for n in range(8)), (2, "a")), 1),
        (_handed((1, "a"), (2, "b"), (3, "a")), 1),
        (_handed((1, "a"), (1, "a"), upgraded=True), 0),  # the process of the upgrade died
        (_handed((1, "a"), (1, "b"), (1, "a"), (1, "b"), upgraded=True), 1),
    ],
)
def test_what_a_stock_client_is_handed_twice(record: list[HandedOn], found: int) -> None:
    assert len(list(handed_on_again(record))) == found


def test_what_a_dead_worker_had_posted_may_come_again_over_the_next_line_only() -> None:
    late = _handed((1, "a"), *((1, str(n)) for n in range(8)), (2, "a"))
    assert len(list(handed_on_again(late))) == 1
    assert list(handed_on_again(late, worker_died=True)) == []
    assert len(list(handed_on_again(_handed((1, "a"), (1, "a")), worker_died=True))) == 1


def test_the_same_plan_gives_the_same_run() -> None:
    assert run(CALM).digest == run(CALM).digest
