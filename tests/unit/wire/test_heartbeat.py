"""Timers of a session as a table, and how long a poll waits."""

from __future__ import annotations

import pytest

from chalicelib.model.connections import POLLING, Target
from chalicelib.model.identifiers import ConnectionId, Region, UserId
from chalicelib.model.sessions import EngineSession
from chalicelib.wire.heartbeat import (
    HOLD_MS,
    LEAST_HOLD_MS,
    LIFE_MS,
    STRANGER_HOLD_MS,
    Due,
    Pace,
    Timer,
)

PACE = Pace(interval_ms=240_000, timeout_ms=60_000)
TARGET = Target(ConnectionId("s="), UserId(""), POLLING, "", Region("us-east-1"), "sio:/", 0)


def session(ping_ms: int = 0, pong_ms: int = 0, *namespaces: str) -> EngineSession:
    names = frozenset(namespaces)
    return EngineSession(TARGET, {}, ping_ms=ping_ms, pong_ms=pong_ms, namespaces=names)


@pytest.mark.parametrize(
    ("ping_ms", "pong_ms", "follows_ms", "now_ms", "timer"),
    [
        (0, 1_000, 0, 1_000, Timer(Due.WAIT, 241_000)),
        (0, 1_000, 0, 240_999, Timer(Due.WAIT, 241_000)),
        (0, 1_000, 0, 241_000, Timer(Due.PING)),
        (241_000, 1_000, 0, 241_001, Timer(Due.STOP)),
        (241_000, 1_000, 241_000, 241_001, Timer(Due.WAIT, 301_000)),
        (241_000, 1_000, 241_000, 301_000, Timer(Due.END_SILENT)),
        (290_000, 1_000, 290_000, 301_000, Timer(Due.WAIT, 320_000)),
        (241_000, 242_000, 241_000, 301_000, Timer(Due.WAIT, 482_000)),
        (241_000, 242_000, 241_000, LIFE_MS, Timer(Due.END_OLD)),
    ],
)
def test_the_heartbeat(
    ping_ms: int, pong_ms: int, follows_ms: int, now_ms: int, timer: Timer
) -> None:
    assert PACE.timer(session(ping_ms, pong_ms), follows_ms, now_ms) == timer


def test_a_pong_is_overdue_only_if_it_was_asked_for() -> None:
    assert not PACE.overdue(session(0, 1_000), 10**9)
    assert not PACE.overdue(session(241_000, 1_000), 300_999)
    assert PACE.overdue(session(241_000, 1_000), 301_000)


def test_a_chain_of_timers_has_stopped_when_nothing_is_heard_of_it() -> None:
    assert not PACE.stopped(session(0, 1_000), 361_000)
    assert PACE.stopped(session(0, 1_000), 361_001)


@pytest.mark.parametrize(
    ("polling", "slots", "held_ms"),
    [
        (1, 400, HOLD_MS),
        (200, 400, HOLD_MS),
        (300, 400, HOLD_MS // 2),
        (390, 400, 1_000),
        (400, 400, LEAST_HOLD_MS),
        (5_000, 400, LEAST_HOLD_MS),
        (1, 1, LEAST_HOLD_MS),
    ],
)
def test_the_more_poll_the_shorter_each_waits(polling: int, slots: int, held_ms: int) -> None:
    assert PACE.hold_ms(session(0, 0, "/"), polling, slots) == pytest.approx(held_ms, abs=1)


def test_who_has_no_namespace_waits_briefly() -> None:
    assert PACE.hold_ms(session(), 1, 400) == STRANGER_HOLD_MS
    assert PACE.hold_ms(session(), 400, 400) == LEAST_HOLD_MS
    often = Pace(interval_ms=1_000, timeout_ms=3_000)
    assert often.hold_ms(session(), 1, 400) == HOLD_MS, "a ping ends it"
