"""`tidings up --regions` and `tidings chaos`, as their users start them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import until
from workbench.stack import running

CLI = [sys.executable, "-m", "workbench.cli.main"]
A, B = "us-east-1", "eu-west-1"
pytestmark = pytest.mark.timeout(300)


def environment(home: Path) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "TIDINGS_"))}
    return {**kept, "TIDINGS_HOME": str(home)}


def tidings(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(home),
    )


@contextmanager
def up(home: Path, *options: str) -> Iterator[running.Running]:
    """Running regions, which end with Ctrl-C."""
    command = [*CLI, "up", "--port", "0", "--no-reload", *options]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment(home)
        )
    assert process.stdout is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.strip().startswith("chat "):
                break
        found = running.find(home)
        assert found is not None, (lines, (home / "log").read_text())
        yield found
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def health(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v1/health", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def shown(home: Path, *arguments: str) -> Any:
    done = tidings(home, "chaos", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)["regions"]


@pytest.mark.extended
def test_a_region_is_killed_and_healed_by_command(tmp_path: Path) -> None:
    with up(tmp_path, "--regions", f"{A},{B}") as stack:
        urls = {each.region: each.url for each in (stack, *stack.others)}
        assert set(urls) == {A, B}
        assert all(map(health, urls.values()))
        assert len(shown(tmp_path, A, "all", "kill")[A]["killed"]) == 3
        assert not health(urls[A])
        assert health(urls[B])
        text = tidings(tmp_path, "chaos").stdout
        assert "killed: ministack, program, valkey" in text
        assert shown(tmp_path, A, "--heal")[A]["killed"] == []
        until(lambda: health(urls[A]))
    assert running.find(tmp_path) is None
    assert not any(map(health, urls.values()))


def doctor(home: Path) -> tuple[int, dict[str, str]]:
    """The exit code, and what is not well by check."""
    done = tidings(home, "doctor", "--json")
    checks = json.loads(done.stdout)["checks"]
    return done.returncode, {
        check["name"]: check["found"] for check in checks if check["result"] != "ok"
    }


@pytest.mark.extended
def test_the_doctor_finds_the_region_that_is_lost(tmp_path: Path) -> None:
    with up(tmp_path, "--regions", f"{A},{B}"):
        until(lambda: doctor(tmp_path) == (0, {}))
        shown(tmp_path, B, "all", "kill")
        until(lambda: "regions" in doctor(tmp_path)[1])
        code, found = doctor(tmp_path)
        assert code == 1
        assert found == {"regions": f"{B} is not healthy: its clients go elsewhere"}
        lines = tidings(tmp_path, "logs", "--user", "tidings-proof-1").stdout
        assert "connected" in lines, "the regions' lines are kept"


def test_without_a_stack_there_is_nothing_to_ask(tmp_path: Path) -> None:
    done = tidings(tmp_path, "chaos")
    assert (done.returncode, "no local stack runs here" in done.stderr) == (2, True)


def test_data_of_several_regions_is_not_kept(tmp_path: Path) -> None:
    done = tidings(tmp_path, "up", "--regions", f"{A},{B}", "--persist")
    assert (done.returncode, "--persist" in done.stderr) == (2, True)
