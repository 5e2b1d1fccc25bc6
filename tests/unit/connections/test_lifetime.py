"""When connections end, to the millisecond; delays of jobs are never too short."""

from __future__ import annotations

import pytest

from chalicelib.connections import lifetime
from chalicelib.model.connections import Connection
from tests.support.examples import ALICE, TARGET

CONNECTION = Connection(TARGET, {}, TARGET.connected_at_ms, 0, expires_at_s=1_000)


@pytest.mark.parametrize(("now_ms", "over"), [(1_000_000, False), (1_024_999, False)])
def test_a_connection_outlives_its_token_by_the_grace(now_ms: int, over: bool) -> None:
    assert lifetime.expired(CONNECTION, now_ms) is over
    assert lifetime.expired(CONNECTION, 1_025_000)


@pytest.mark.parametrize(("now_ms", "soon"), [(879_999, False), (880_000, True), (2_000_000, True)])
def test_clients_are_warned_two_minutes_before(now_ms: int, soon: bool) -> None:
    assert lifetime.expires_soon(1_000, now_ms) is soon


@pytest.mark.parametrize(("now_ms", "delay_s"), [(1_000_000, 25), (1_000_001, 25), (1_030_000, 0)])
def test_the_job_that_closes_it_never_comes_too_early(now_ms: int, delay_s: int) -> None:
    job = lifetime.expiry_job(CONNECTION, now_ms)
    assert (job.connection_id, job.delay_s) == (TARGET.connection_id, delay_s)
    assert lifetime.expired(CONNECTION, now_ms + job.delay_s * 1000)


def test_a_410_means_not_yet_for_five_seconds() -> None:
    assert lifetime.young(TARGET, TARGET.connected_at_ms + 4_999)
    assert not lifetime.young(TARGET, TARGET.connected_at_ms + 5_000)


@pytest.mark.parametrize(("wait_ms", "delay_s"), [(-5, 0), (0, 0), (1, 1), (10_000, 10)])
def test_presence_is_compared_after_the_whole_wait(wait_ms: int, delay_s: int) -> None:
    assert lifetime.check_presence(ALICE, wait_ms).delay_s == delay_s
