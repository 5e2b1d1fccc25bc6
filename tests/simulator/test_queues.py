"""The simulated SQS keeps the rules that the product relies on."""

from __future__ import annotations

from typing import Any

from tests.support.queued import Sent
from workbench.queues import Rules
from workbench.simulator.injection import FaultInjector, FaultPlan
from workbench.simulator.ports import Calls
from workbench.simulator.queues import SimQueue
from workbench.simulator.scheduler import Died, Result, Scheduler
from workbench.simulator.trace import Trace


class Trigger:
    """A function that answers as a test says, and remembers its batches with their times."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.batches: list[tuple[int, list[str]]] = []
        self.answers: list[Any] = []

    def __call__(self, name: str, event: dict[str, Any]) -> Result[dict[str, Any]]:
        bodies = [record["body"] for record in event["Records"]]
        self.batches.append((self.scheduler.now_us // 1_000_000, bodies))
        answer = self.answers.pop(0) if self.answers else []
        result: Result[dict[str, Any]] = Result()
        if answer == "dies":
            result.fail(Died())
        else:
            failed = [{"itemIdentifier": event["Records"][i]["messageId"]} for i in answer]
            result.give({"batchItemFailures": failed})
        return result


def queue(is_fifo: bool, most_receives: int = 3) -> tuple[SimQueue, SimQueue, Trigger, Scheduler]:
    scheduler = Scheduler(1)
    injector = FaultInjector(FaultPlan(calm_s=0), scheduler)
    calls = Calls(scheduler, injector, Trace(lambda: scheduler.now_us))
    dead = SimQueue(Rules("dead", is_fifo, 30, 1_000), scheduler, injector, calls)
    rules = Rules("work", is_fifo, 120, most_receives)
    made = SimQueue(rules, scheduler, injector, calls, dead)
    trigger = Trigger(scheduler)
    made.invoke = trigger
    return made, dead, trigger, scheduler


def body(kind: str) -> str:
    return f'{{"kind":"{kind}"}}'


def test_a_group_is_served_in_order_and_waits_for_its_failed_message() -> None:
    made, _, trigger, scheduler = queue(is_fifo=True)
    trigger.answers = ["dies"]
    made.send([Sent("a1", "a", "1"), Sent("a2", "a", "2")])
    scheduler.run(10_000_000, 1_000)
    made.send([Sent("a3", "a", "3"), Sent("b1", "b", "4")])
    scheduler.run(200_000_000, 1_000)
    assert trigger.batches == [
        (0, [body("a1"), body("a2")]),
        (10, [body("b1")]),
        (120, [body("a1"), body("a2"), body("a3")]),
    ]


def test_a_repeated_deduplication_id_is_dropped_for_five_minutes() -> None:
    made, _, trigger, scheduler = queue(is_fifo=True)
    made.send([Sent("a", "g", "1"), Sent("again", "g", "1")])
    scheduler.run(301_000_000, 1_000)
    made.send([Sent("late", "g", "1")])
    scheduler.run(400_000_000, 1_000)
    assert [bodies for _, bodies in trigger.batches] == [[body("a")], [body("late")]]


def test_what_fails_too_often_is_a_dead_letter() -> None:
    made, dead, trigger, scheduler = queue(is_fifo=False, most_receives=2)
    trigger.answers = [[0], "dies"]
    made.send([Sent("a")])
    scheduler.run(500_000_000, 1_000)
    assert [at for at, _ in trigger.batches] == [0, 120]
    assert [message.body for message in dead.messages] == [body("a")]
    assert made.messages == []


def test_delays_and_hiding() -> None:
    made, _, trigger, scheduler = queue(is_fifo=False)
    trigger.answers = [[0]]
    made.send([Sent("a", delay_s=7)])
    scheduler.run(7_100_000, 1_000)
    made.hide(made.messages[0].message_id, 4)
    scheduler.run(60_000_000, 1_000)
    assert [at for at, _ in trigger.batches] == [7, 11]
