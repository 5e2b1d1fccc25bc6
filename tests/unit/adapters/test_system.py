"""Randomness is the operating system's, in the forms that its callers need; threads."""

from __future__ import annotations

import threading

import pytest

from chalicelib.adapters.system import SystemIds, SystemThreads
from chalicelib.kernel import ids, telemetry


def test_tokens_are_ids_and_differ() -> None:
    tokens = [SystemIds().token() for _ in range(100)]
    assert len(set(tokens)) == 100
    assert all(ids.decode(token) >= 0 for token in tokens)


def test_entropy_fits_an_id_and_jitter_is_a_share() -> None:
    for _ in range(100):
        assert 0 <= SystemIds().entropy() < 2**64
        assert 0 <= SystemIds().jitter() < 1


def test_calls_run_side_by_side_and_results_keep_their_order() -> None:
    barrier = threading.Barrier(3, timeout=30)  # passes only when all three wait at once

    def call(number: int) -> int:
        barrier.wait()
        return number

    assert SystemThreads().run([lambda n=n: call(n) for n in range(3)]) == [0, 1, 2]
    assert SystemThreads().run([]) == []


def test_calls_have_the_callers_telemetry_context() -> None:
    with telemetry.context(request_id="r1"):
        bound = SystemThreads().run([lambda: dict(telemetry._bound.get())] * 2)
    assert bound == [{"request_id": "r1"}] * 2


def test_the_other_calls_end_before_an_exception_is_raised() -> None:
    ended = []

    def fails() -> None:
        raise ValueError("one")

    with pytest.raises(ValueError, match="one"):
        SystemThreads().run([fails, lambda: ended.append(2), lambda: ended.append(3)])
    assert sorted(ended) == [2, 3]
