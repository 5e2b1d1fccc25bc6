"""The one stack that runs from this checkout: where it is, for the CLI, and whose the record is.

A lock that the kernel frees with its process says whether a stack runs; the record beside it only
tells where. So a record without a locked lock is of a process that has died, and only the stack
that holds the lock writes or removes the record.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import IO, Any

from . import private
from .children import Unusable

ROOT = Path(__file__).resolve().parents[2]
_TRIES, _AGAIN_S = 5, 0.02
_LOCK, _RECORD = "stack.lock", "stack.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A running stack.

    Attributes:
        aws_endpoint_url, redis_url: "" where all is in the stack's memory.
        access_key_id, secret_access_key: What its emulator asks for.
        control_url, control_token: Where `tidings chaos` asks; empty where nothing can fail on
            request.
        log_file: Where it writes its lines, for `tidings logs`.
        others: The other regions that run beside it.
    """

    pid: int
    url: str
    region: str
    prefix: str
    aws_endpoint_url: str
    redis_url: str
    access_key_id: str
    secret_access_key: str
    control_url: str = ""
    control_token: str = ""
    log_file: str = ""
    others: tuple[Running, ...] = ()

    def with_others(self, others: Sequence[Running]) -> Running:
        return replace(self, others=tuple(others))


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of what a stack leaves: `.tidings` here, or what TIDINGS_HOME names."""
    given = environment.get("TIDINGS_HOME")
    return Path(given).absolute() if given else ROOT / ".tidings"


def find(folder: Path) -> Running | None:
    """The stack that runs, None where none does."""
    try:
        with (folder / _LOCK).open("r+") as lock:
            if _take(lock):
                return None
            return _read(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextlib.contextmanager
def claim(folder: Path) -> Iterator[Claim]:
    """Be the stack that runs from here, until the context ends.

    Raises:
        Unusable: One runs already, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("a+")
    except OSError as fault:
        raise _unwritable(folder, fault) from fault
    with lock:
        if not _take_soon(lock):
            raise Unusable(_runs(_read(folder)))
        try:
            yield Claim(folder)
        finally:
            (folder / _RECORD).unlink(missing_ok=True)


class Claim:
    """Who holds it may write the record."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, running: Running) -> None:
        """Say where the stack is.

        Raises:
            Unusable: It cannot be written.
        """
        try:
            private.write(self.folder / _RECORD, json.dumps(asdict(running)))
        except OSError as fault:
            raise _unwritable(self.folder, fault) from fault


def _take_soon(lock: IO[str]) -> bool:
    """`find` holds it for a moment, too."""
    for _ in range(_TRIES):
        if _take(lock):
            return True
        time.sleep(_AGAIN_S)
    return False


def _take(lock: IO[str]) -> bool:
    """Whether it was free; it is freed when the file is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(folder: Path) -> Running | None:
    """None while the stack that holds the lock has not written where it is."""
    try:
        return _from_json(json.loads((folder / _RECORD).read_text()))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _from_json(record: Any) -> Running:
    values = {each.name: record[each.name] for each in fields(Running)}
    return Running(**{**values, "others": tuple(map(_from_json, values["others"]))})


def _unwritable(folder: Path, fault: OSError) -> Unusable:
    return Unusable(
        f"cannot write {folder}: {fault.strerror}; run in a checkout that you may write to, or "
        "name another folder with TIDINGS_HOME=…"
    )


def _runs(running: Running | None) -> str:
    if running is None:
        return "a stack is starting or stopping here already: wait for it, or stop it with Ctrl-C"
    return (
        f"a stack runs here already, at {running.url} (process {running.pid}): "
        "use it, or stop it with Ctrl-C first"
    )
