"""`tidings drill storm` as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.node import installed
from workbench.cli.drill import as_data, as_lines
from workbench.drills.checker import check
from workbench.drills.crowd import MIX
from workbench.drills.doubles import Why
from workbench.drills.history import (
    Client,
    Event,
    Failed,
    History,
    Key,
    LogEntry,
    MessageId,
    Pushed,
    Room,
    Seen,
    Sent,
)
from workbench.drills.storm import Plan, Result

ANN, BEN, ROOM = Client("ann"), Client("ben"), Room("room")
ENTRY = LogEntry(MessageId("m"), Key("k"))
SENT = Sent(0.0, ANN, ROOM, ENTRY.key)


def result(*events: Event) -> Result:
    history = History({ROOM: frozenset({ANN, BEN})}, {ROOM: (ENTRY,)}, events)
    kinds = {ANN: "json", BEN: "js polling"}
    return Result(Plan(), kinds, history, check(history), None)


def test_a_lost_message_or_one_without_an_ack_is_no_success() -> None:
    seen = Seen(1.0, BEN, ROOM, ENTRY.message_id)
    assert result(SENT, seen).ok
    assert not result(SENT).ok
    assert not result(SENT, seen, Failed(2.0, ANN, ROOM, ENTRY.key, "why")).ok
    data = as_data(result(SENT))
    assert (data["ok"], data["faults"]) == (
        False, {"lost": 1, "doubled": 0, "misordered": 0, "made up": 0}
    )  # fmt: skip


def test_repeated_pushes_are_explained_by_kind_of_client() -> None:
    push = Pushed(1.0, BEN, ROOM, ENTRY.message_id)
    data = as_data(result(SENT, push, push, Seen(1.0, BEN, ROOM, ENTRY.message_id)))
    assert data["ok"] is True
    repeated = {Why.REPEATED.value: {"js polling": 1}}
    assert data["doubles"] == {why.value: {} for why in Why} | repeated
    assert data["kinds"] == dict.fromkeys(MIX, 0) | {"json": 1, "js polling": 1}


def test_a_history_is_kept_line_by_line() -> None:
    lines = [json.loads(line) for line in as_lines(result(SENT).history)]
    assert lines == [
        {
            "room": "room",
            "members": ["ann", "ben"],
            "log": [{"message_id": "m", "key": "k", "origin": ""}],
        },
        {"event": "sent", "at_s": 0.0, "client": "ann", "room": "room", "key": "k"},
    ]


@pytest.mark.extended
@pytest.mark.timeout(180)
def test_a_small_storm(tmp_path: Path) -> None:
    installed()
    kept, report = tmp_path / "history.jsonl", tmp_path / "report.html"
    options = ["--clients", "12", "--seconds", "5", "--pause-s", "1", "--seed", "1", "--json"]
    command = [sys.executable, "-m", "workbench.cli.main", "drill", "storm", *options]
    done = subprocess.run(
        [*command, "--keep", str(kept), "--report", str(report)],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert told["plan"]["seed"] == 1
    assert told["counts"]["sent"] == told["counts"]["acked"] > 0
    assert "--seed 1 --json" in report.read_text()
    assert kept.read_text().count('"event": "sent"') == told["counts"]["sent"]


def test_without_a_stack_it_says_so() -> None:
    installed()
    command = [sys.executable, "-m", "workbench.cli.main", "drill", "storm"]
    done = subprocess.run(
        [*command, "--url", "http://127.0.0.1:9"], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
