"""A followed command ends in order, whatever becomes of who follows it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from operate.deploy.process import TookTooLongError, follow
from tests.support.waiting import until

# As Terraform: one SIGINT and it finishes what is under way, talking all the time; two and it
# gives that up. What is under way takes until the test says so.
TERRAFORM = """
stopping=
trap 'if [ $stopping ]; then echo gave up > state; exit 1; fi; stopping=yes; echo > stopping' INT
echo > started
rounds=0
until [ $stopping ] && [ -e done ]; do
    echo "still at it"; echo "really" >&2; sleep 0.02
    rounds=$((rounds + 1)); [ $rounds -lt 3000 ] || exit 2
done
echo "the end"
echo whole > state
"""
FOLLOWER = """
import os, pathlib, sys
from operate.deploy.process import follow, stopped_in_order
here = pathlib.Path(sys.argv[1])
with stopped_in_order():
    follow(["sh", str(here / "terraform")], directory=here, environment=os.environ, scratch=here,
           timeout_s=30, tell=lambda line: print(line, flush=True), say=print)
"""


# A signal comes as soon as the command has started.
AT_ONCE = """
import os, pathlib, signal, subprocess, sys, time
here = pathlib.Path(sys.argv[1])

class Popen(subprocess.Popen):
    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        for _ in range(1000):
            if (here / "started").exists():
                break
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Popen
"""


def heard() -> None:
    """Undo what `nohup` or a shell's `&` did to the tests' own process."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Follower:
    """A process that follows a slow command, with its terminal."""

    def __init__(self, folder: Path, before: str = "") -> None:
        (folder / "terraform").write_text(TERRAFORM)
        self._folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", before + FOLLOWER, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=heard,
        )
        self.wait("started")

    def wait(self, name: str) -> str:
        path = self._folder / name
        until(path.exists)
        return path.read_text().strip()

    def state(self) -> str:
        """What was written at the end."""
        (self._folder / "done").touch()
        until(lambda: bool(self.wait("state")))
        return self.wait("state")

    def close_terminal(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()

    def close(self) -> None:
        (self._folder / "done").touch()
        self.close_terminal()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    follower = Follower(tmp_path)
    yield follower
    follower.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_under_way_is_finished(follower: Follower, number: int) -> None:
    follower.process.send_signal(number)
    follower.wait("stopping")
    for again in (signal.SIGTERM, signal.SIGHUP):  # they ask for no more than the first
        follower.process.send_signal(again)
    assert follower.process.poll() is None
    assert follower.state() == "whole"
    assert follower.process.wait(20) != 0
    assert follower.process.stdout is not None
    told = follower.process.stdout.read()
    assert b"stopping: " in told
    assert b"the end" in told


def test_a_signal_at_the_start_is_one_too(tmp_path: Path) -> None:
    follower = Follower(tmp_path, AT_ONCE)
    try:
        follower.wait("stopping")
        assert follower.process.poll() is None
        assert follower.state() == "whole"
        assert follower.process.wait(20) != 0
    finally:
        follower.close()


def test_a_second_ctrl_c_gives_it_up(follower: Follower) -> None:
    for _ in range(2):
        follower.process.send_signal(signal.SIGINT)
        follower.wait("stopping")
    assert follower.process.wait(20) != 0
    assert follower.wait("state") == "gave up"


def test_a_terminal_that_is_gone_costs_no_state(follower: Follower) -> None:
    follower.close_terminal()
    follower.wait("stopping")
    assert follower.state() == "whole"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_it_ends_in_order_when_its_follower_is_killed(follower: Follower) -> None:
    follower.process.kill()
    follower.process.wait()
    follower.wait("stopping")
    assert follower.state() == "whole"


def test_output_and_errors_are_apart(tmp_path: Path) -> None:
    told: list[str] = []

    def run(*command: str, timeout_s: float) -> tuple[int, list[str]]:
        return follow(
            command,
            directory=tmp_path,
            environment={"PATH": "/usr/bin:/bin"},
            scratch=tmp_path,
            timeout_s=timeout_s,
            tell=told.append,
            say=told.append,
        )

    ended = run("sh", "-c", "printf 'a\\nb'; echo no >&2; exit 3", timeout_s=20)
    assert (ended, told) == ((3, ["no"]), ["a", "b"])
    with pytest.raises(TookTooLongError):
        run("sleep", "9", timeout_s=0)
