"""A command that is followed to its end, and that reaches its end when nobody follows any more.

Its output goes to files: writing to a pipe whose reader has gone would kill it in the midst of its
work. What stops it is SIGINT, also when this process dies, because Terraform then finishes what is
under way and writes its state.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from operate.processes import die_with_parent

_POLL_S = 0.1
# An apply on AWS may have half an hour of work under way: a cache, a distribution.
_INTERRUPT_S, _GIVE_UP_S = 1800.0, 30.0
_NOISE_LINES = 60

Tell = Callable[[str], None]


class TookTooLongError(Exception):
    """It was stopped after its time."""


def follow(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    scratch: Path,
    timeout_s: float,
    tell: Tell,
    say: Tell,
) -> tuple[int, list[str]]:
    """Run it.

    Args:
        scratch: A folder for its output.
        tell: Gets each line of its standard output, soon after it was written.
        say: Is told that it is being stopped.

    Returns:
        Its exit code, and the end of its standard error.

    Raises:
        TookTooLongError: As it says.
    """
    out, err = scratch / "stdout", scratch / "stderr"
    with out.open("wb") as output, err.open("wb") as noise:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=noise,
            start_new_session=True,  # a Ctrl-C reaches it through `_stop` alone
            preexec_fn=_interruptible,
        )
    with out.open("rb") as written:
        lines = _Lines(written.read)
        deadline = time.monotonic() + timeout_s
        try:
            while not _ended(process, _POLL_S):
                for line in lines():
                    tell(line)
                if time.monotonic() > deadline:
                    raise TookTooLongError
        except BaseException:
            _stop(process, say)
            with contextlib.suppress(Exception):  # the terminal may have gone
                for line in lines(last=True):
                    tell(line)
                for line in _tail(err):
                    say(line)
            raise
        for line in lines(last=True):
            tell(line)
    return process.returncode, _tail(err)


@contextlib.contextmanager
def stopped_in_order() -> Iterator[None]:
    """SIGTERM and the end of the terminal stop what runs here as one Ctrl-C does, and no further.

    What ignores a signal from its start, as `nohup` has it, goes on ignoring it.
    """
    ends = (signal.SIGTERM, signal.SIGHUP)

    def stop(number: int, frame: object) -> None:
        for each in ends:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    heard = [each for each in (signal.SIGINT, *ends) if signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, stop) for each in heard}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class _Lines:
    """What has been written since the last call, line by line."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._rest = b""

    def __call__(self, last: bool = False) -> Iterator[str]:
        *whole, self._rest = (self._rest + self._read()).split(b"\n")
        if last and self._rest:
            whole.append(self._rest)
        return (line.decode(errors="replace") for line in whole)


def _tail(path: Path) -> list[str]:
    with path.open(errors="replace") as file:
        return [line.rstrip("\n") for line in deque(file, _NOISE_LINES)]


def _interruptible() -> None:
    # A shell ignores SIGINT for what it starts with `&`, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        die_with_parent(signal.SIGINT)


def _ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
    return process.returncode is not None


def _stop(process: subprocess.Popen[bytes], say: Tell) -> None:
    """Once, and it ends what is under way; a second Ctrl-C makes it give that up."""
    if process.poll() is not None:
        return
    with contextlib.suppress(KeyboardInterrupt):
        _signal(process, signal.SIGINT)
        with contextlib.suppress(Exception):  # the terminal may have gone
            say("stopping: Terraform ends what is under way; another Ctrl-C gives that up")
        if _ended(process, _INTERRUPT_S):
            return
    _signal(process, signal.SIGINT)
    with contextlib.suppress(KeyboardInterrupt):
        if _ended(process, _GIVE_UP_S):
            return
    _signal(process, signal.SIGKILL)  # its providers too
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To all of it, as a terminal does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
