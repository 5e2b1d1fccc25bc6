"""The scheduler: virtual time, tasks that wait, processes that die; the same order each time."""

from __future__ import annotations

import pytest

from workbench.simulator.scheduler import Died, Process, Result, Scheduler


def test_time_moves_from_event_to_event() -> None:
    scheduler = Scheduler(1)
    seen: list[tuple[str, int]] = []

    def task(name: str, pauses: list[int]) -> None:
        for us in pauses:
            scheduler.pause(us)
            seen.append((name, scheduler.now_us))

    scheduler.spawn("a", lambda: task("a", [10, 10]))
    scheduler.spawn("b", lambda: task("b", [15]))
    scheduler.run(1_000, 100)
    assert seen == [("a", 10), ("b", 15), ("a", 20)]
    assert scheduler.now_us == 1_000


def test_a_task_waits_for_a_result_or_for_its_time() -> None:
    scheduler = Scheduler(1)
    answer: Result[str] = Result()
    seen: list[object] = []

    def waits(us: int) -> None:
        there = scheduler.wait(answer, us)
        seen.append((there, scheduler.now_us))

    scheduler.spawn("patient", lambda: waits(500))
    scheduler.spawn("impatient", lambda: waits(50))
    scheduler.at(100, "answer", lambda: answer.give("yes"))
    scheduler.run(1_000, 100)
    assert seen == [(False, 50), (True, 100)]
    assert answer.value() == "yes"


def test_calls_side_by_side_end_before_their_caller_goes_on() -> None:
    scheduler = Scheduler(1)

    def call(us: int) -> int:
        scheduler.pause(us)
        return us

    task = scheduler.spawn("all", lambda: scheduler.all([lambda: call(30), lambda: call(10)]))
    scheduler.run(29, 100)
    assert not task.result.is_set
    scheduler.run(30, 100)
    assert task.result.value() == [30, 10]


def test_a_dead_process_does_nothing_more() -> None:
    scheduler, process = Scheduler(1), Process()
    done: list[str] = []

    def serve() -> None:
        try:
            scheduler.all([lambda: dies(), lambda: goes_on()])
        finally:
            scheduler.current()  # raises: a dead process cleans nothing up
            done.append("cleaned up")

    def dies() -> None:
        scheduler.pause(10)
        scheduler.die()

    def goes_on() -> None:
        scheduler.pause(20)
        done.append("after death")

    task = scheduler.spawn("serve", serve, process=process)
    process.root = task
    scheduler.run(1_000, 100)
    assert done == []
    with pytest.raises(Died):
        task.result.value()
    scheduler.close()
    del task, process


def test_what_repeats_without_end_is_stopped() -> None:
    scheduler = Scheduler(1)

    def again() -> None:
        scheduler.after(0, "again", again)

    again()
    with pytest.raises(RuntimeError, match="more than 50 steps; the last one was again"):
        scheduler.run(1, 50)


def test_a_tasks_random_numbers_follow_from_its_name() -> None:
    def numbers(others: int) -> list[float]:
        scheduler = Scheduler(7)
        for number in range(others):
            scheduler.spawn(f"other {number}", lambda: None)
        task = scheduler.spawn("this", lambda: None)
        return [task.random.random() for _ in range(3)]

    assert numbers(0) == numbers(5)
