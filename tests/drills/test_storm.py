"""The storm: its clients and rooms, and one storm against a whole stack."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter

import pytest

from tests.support.node import installed
from workbench.drills.crowd import MIX, cast, seat
from workbench.drills.storm import Plan

SEED = 4


@pytest.mark.parametrize("clients", [4, 20, 100, 200])
def test_kinds_have_their_shares(clients: int) -> None:
    kinds = cast(clients)
    assert len(kinds) == clients
    for kind, number in Counter(kinds.values()).items():
        assert abs(number - clients * MIX[kind] / 100) <= 1, kind
    if clients >= 100:
        assert set(kinds.values()) == set(MIX)


def test_stock_clients_have_the_share_that_was_asked_for() -> None:
    kinds = Counter(cast(200, stock=60).values())
    assert abs(kinds["json"] - 80) <= 1
    assert kinds.total() == 200
    assert set(kinds) == set(MIX)
    assert 15 <= kinds["js polling"] + kinds["python polling"] <= 30
    assert set(cast(20, stock=0).values()) == {"json"}
    assert "json" not in cast(20, stock=100).values()


def test_everybody_has_a_seat_in_as_many_rooms_as_planned() -> None:
    plan, clients = Plan(), list(cast(200))
    shape = (plan.room_size, plan.rooms_each)
    rooms = seat(clients, *shape, random.Random(1))
    assert len(rooms) == 100
    assert {len(set(room)) for room in rooms} == {plan.room_size}
    assert set(Counter(client for room in rooms for client in room).values()) == {plan.rooms_each}
    assert seat(clients, *shape, random.Random(1)) == rooms
    assert seat(clients, *shape, random.Random(2)) != rooms


@pytest.mark.extended
@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_or_misordered_in_a_storm(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """100 clients, 60 seconds, in a separate process together with all that it leaves behind."""
    installed()
    command = [sys.executable, "-m", "workbench.cli.main", "drill", "storm"]
    command += ["--clients", "100", "--cuts-per-s", "2", "--seed", str(SEED), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=540, check=False)
    assert done.stdout, done.stderr[-4000:]
    data = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\nstorm: {json.dumps(data)}")
    assert (done.returncode, data["ok"]) == (0, True), data["details"]
    assert data["settled_s"] is not None
    assert set(data["kinds"].values()) != {0}
    counts = data["counts"]
    assert counts["sent"] == counts["acked"] == counts["in_log"] > 100
    assert counts["recovered"] > 10
    assert sum(counts["cuts"].values()) > 50
