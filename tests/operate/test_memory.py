"""The table of memory sizes: its arithmetic, and that it knows all functions."""

from __future__ import annotations

import pytest

from operate.cost import load
from operate.cost.usage import FUNCTIONS
from workbench.load.memory import FULL_MB, MESSAGE, SIZES_MB, WORK, Work, rows, table


def test_cpu_is_paid_at_its_share_and_the_wait_is_not() -> None:
    found = {(row.function, row.memory_mb): row for row in rows(2.0, 100.0, load())}
    full, half = (found["websocket_message", size] for size in (FULL_MB, 512))
    assert full.warm_ms == pytest.approx(MESSAGE.wait_ms + 2)
    assert full.first_ms == pytest.approx(MESSAGE.wait_ms + 100)
    assert half.warm_ms == pytest.approx(MESSAGE.wait_ms + 2 * FULL_MB / 512)
    gb_s = 1_000_000 * 0.5 * half.warm_ms / 1000
    requests = load()["lambda_requests"].usd(1_000_000)
    assert half.usd == pytest.approx(load()["lambda_gb_s"].usd(gb_s) + requests)


def test_a_message_is_delivered_after_its_commit() -> None:
    by_call = {"dynamodb": 90.0, "queue": 60.0, "redis": 80.0, "post": 70.0}
    assert MESSAGE.cpu_us(by_call) == 2 * 90 + 4 * 80 + 70
    assert MESSAGE.wait_ms == 25 + 8 + 4 * 1 + 12


def test_posts_go_out_side_by_side() -> None:
    assert Work().wait_ms == 0
    assert Work(posts=1).wait_ms == 12
    assert Work(posts=21).wait_ms == 22


def test_every_function_has_a_row_with_its_deployed_size_in_bold() -> None:
    assert set(WORK) == set(FUNCTIONS)
    assert {memory_mb for memory_mb, _ in FUNCTIONS.values()} <= set(SIZES_MB)
    lines = table(rows(2.0, 100.0, load())).splitlines()[2:]
    assert len(lines) == len(FUNCTIONS)
    assert all(line.count("**") == 2 for line in lines)
