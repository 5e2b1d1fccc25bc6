"""Run a command and follow its output; it finishes in order even if the reader dies.

The output goes to files: a write to a pipe without a reader would kill the command in the middle
of its work. It is stopped with SIGINT, also when this process dies, because Terraform then finishes
the current operations and writes its state.
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
# Operations on AWS may take half an hour, for example for a cache or a distribution.
_INTERRUPT_S, _GIVE_UP_S = 1800.0, 30.0
_NOISE_LINES = 60
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Tell = Callable[[str], None]


class TookTooLongError(Exception):
    """The command was stopped because it took too long."""


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
    """Run a command to its end.

    Args:
        scratch: A folder for its output.
        tell: Gets each line of its standard output, soon after it was written.
        say: Gets a line when the command is being stopped.

    Returns:
        Its exit code, and the end of its standard error.

    Raises:
        TookTooLongError: It did not end in time and was stopped.
    """
    out, err = scratch / "stdout", scratch / "stderr"
    # A signal between the start and `try` would leave the command to itself.
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        with out.open("wb") as output, err.open("wb") as noise:
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=noise,
                start_new_session=True,  # only `_stop` passes a Ctrl-C on
                preexec_fn=_interruptible,
            )
    except BaseException:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        raise
    with out.open("rb") as written:
        lines = _Lines(written.read)
        deadline = time.monotonic() + timeout_s
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
            while not _ended(process, _POLL_S):
                for line in lines():
                    tell(line)
                if time.monotonic() > deadline:
                    raise TookTooLongError
        except BaseException:
            _stop(process, say)
            with contextlib.suppress(Exception):  # the terminal may be closed
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
    """Handle SIGTERM and a closed terminal like one Ctrl-C, and ignore further ones.

    A signal that was ignored at the start, as under `nohup`, stays ignored.
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
    """Return the lines written since the last call."""

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
    # A shell ignores SIGINT for commands started with `&`, and children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
    if sys.platform == "linux":
        die_with_parent(signal.SIGINT)


def _ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
    return process.returncode is not None


def _stop(process: subprocess.Popen[bytes], say: Tell) -> None:
    """Send SIGINT once, which lets it finish; a second Ctrl-C makes it give up."""
    if process.poll() is not None:
        return
    with contextlib.suppress(KeyboardInterrupt):
        _signal(process, signal.SIGINT)
        with contextlib.suppress(Exception):  # the terminal may be closed
            say("stopping: Terraform finishes what is under way; press Ctrl-C again to abort that")
        if _ended(process, _INTERRUPT_S):
            return
    _signal(process, signal.SIGINT)
    with contextlib.suppress(KeyboardInterrupt):
        if _ended(process, _GIVE_UP_S):
            return
    _signal(process, signal.SIGKILL)  # Terraform's providers, too
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Send the signal to the whole process group, as a terminal does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
