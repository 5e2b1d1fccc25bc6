"""Probes: calls are bounded in time, and a call that hangs is made only once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from chalicelib.adapters.probes import SystemProbes
from chalicelib.kernel.errors import Unavailable


class FakePoster:
    def __init__(self, there: bool) -> None:
        self.there = there

    def reaches(self, api_id: str, stage: str) -> bool:
        return self.there


def probes(within_s: float = 30, there: bool = True) -> SystemProbes:
    poster: Any = FakePoster(there)
    return SystemProbes(poster, within_s, within_s)


def refuses() -> None:
    raise Unavailable("away")


def has_a_bug() -> None:
    raise ZeroDivisionError


def test_what_returns_answers_and_what_raises_does_not() -> None:
    calls = {"one": lambda: 1, "two": refuses, "three": has_a_bug}
    assert probes().answering(calls) == {"one": True, "two": False, "three": False}


def test_calls_are_made_side_by_side() -> None:
    barrier = threading.Barrier(2, timeout=30)
    calls = {"one": barrier.wait, "two": barrier.wait}
    assert probes().answering(calls) == {"one": True, "two": True}


def test_a_call_that_hangs_holds_up_no_answer_and_is_not_repeated() -> None:
    released, begun = threading.Event(), []

    def hangs() -> None:
        begun.append(threading.current_thread())
        released.wait(60)

    asked = probes(within_s=0.2)
    calls = {"hangs": hangs, "well": lambda: None}
    assert asked.answering(calls) == {"hangs": False, "well": True}
    assert asked.answering(calls) == {"hangs": False, "well": True}
    assert len(begun) == 1
    released.set()
    begun[0].join(60)
    assert asked.answering({"hangs": lambda: None}) == {"hangs": True}


def test_the_first_calls_of_a_process_have_more_time() -> None:
    late = threading.Event()
    asked = SystemProbes(probes()._poster, within_s=0.0, first_within_s=30)
    assert asked.answering({"slow": lambda: late.wait(0.05)}) == {"slow": True}
    held = threading.Event()
    assert asked.answering({"hangs": lambda: held.wait(60)}) == {"hangs": False}
    held.set()


def test_connections_that_do_not_answer_are_unavailable() -> None:
    probes().ask_connections("a1", "prod")
    with pytest.raises(Unavailable):
        probes(there=False).ask_connections("a1", "prod")
