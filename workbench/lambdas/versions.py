"""The processes of a deployed function: one has imported the code, environments are its forks.

Owns their number and the handling of failures; the server decides which code is run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).with_name("environment.py")
# For one function. Beyond it, invocations wait, where Lambda would throttle. Lambda starts an
# environment for each invocation that finds none free; on a small machine waiting is faster.
_ENVIRONMENTS, _STARTING = 64, 2
_PATIENCE_S = 1.0
_STARTED_S = 2.0  # an environment counts as started after its first answer, or after this time
_INIT_S = 30.0
Item = dict[str, Any]


class Failed(Exception):
    """An invocation without a result; the text is the hook's answer."""


class Environment:
    """One process that serves one invocation at a time.

    Attributes:
        starting: Whether it is new and still busy with its first invocation's set-up.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._pid = 0
        self.starting = True

    async def greet(self) -> None:
        """Wait until the process runs."""
        self._pid = (await _frame(self._reader))["pid"]

    async def invoke(self, invocation: Item, within_s: float) -> Item:
        """Invoke the function and return its answer.

        Raises:
            Failed: The process ended, or took too long and was killed.
        """
        data = json.dumps(invocation).encode()
        try:
            async with asyncio.timeout(within_s):
                self._writer.write(struct.pack("!I", len(data)) + data)
                return await _frame(self._reader)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                os.kill(self._pid, signal.SIGKILL)
            raise Failed(error("Sandbox.Timedout", "Task timed out")) from None
        except (OSError, asyncio.IncompleteReadError):
            raise Failed(error("Runtime.ExitError", "The environment has ended")) from None

    def close(self) -> None:
        """Make it end."""
        self._writer.close()


class Version:
    """A function with its present configuration: a process with its code, and environments."""

    def __init__(
        self, key: Any, process: asyncio.subprocess.Process, control: socket.socket
    ) -> None:
        self.key = key
        self._process = process
        self._control = control
        self._idle: list[Environment] = []
        self._environments: set[Environment] = set()
        self._changed = asyncio.Condition()
        self._timers: set[asyncio.Task[None]] = set()
        self._using = 0
        self._closed = False

    @classmethod
    async def start(cls, key: Any, python: Path, variables: dict[str, str]) -> Version:
        """Start the process and import the code.

        Raises:
            Failed: The import failed.
        """
        ours, theirs = socket.socketpair()
        fd = theirs.fileno()
        command = (str(python), str(_SCRIPT), str(fd))
        process = await asyncio.create_subprocess_exec(*command, env=variables, pass_fds=[fd])
        theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours.dup())
        try:
            async with asyncio.timeout(_INIT_S):
                started = await _frame(reader)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            process.kill()
            raise Failed(error("Runtime.ExitError", "The code could not be imported")) from None
        finally:
            writer.close()  # closes this copy of the descriptor only
        if "error" in started:
            raise Failed(started["error"])
        return cls(key, process, ours)

    @property
    def usable(self) -> bool:
        return self._process.returncode is None

    async def invoke(self, invocation: Item, within_s: float) -> str:
        """Invoke the function; return its result as JSON."""
        self._using += 1
        try:
            environment = await self._take()
            good = False
            try:
                answer = await environment.invoke(invocation, within_s)
                good = not answer.get("ended")
            finally:
                await self._give_back(environment, good)
        finally:
            self._using -= 1
            self._end_if_unused()
        if "error" in answer:
            raise Failed(answer["error"])
        return str(answer["result"])

    def close(self) -> None:
        """End it after its running invocations."""
        self._closed = True
        self._end_if_unused()

    async def wait(self) -> None:
        """Wait until a closed version has ended."""
        await self._process.wait()

    async def _take(self) -> Environment:
        """Wait for an idle environment, or start one if few enough are starting."""
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await self._changed.wait_for(lambda: self._idle or not self._environments)
            await self._changed.wait_for(lambda: self._idle or self._may_start())
            if self._idle:
                return self._idle.pop()
            environment = await self._fork()
            self._environments.add(environment)
        timer = asyncio.create_task(self._has_started(environment))
        self._timers.add(timer)
        timer.add_done_callback(self._timers.discard)
        return environment

    def _may_start(self) -> bool:
        starting = sum(environment.starting for environment in self._environments)
        return starting < _STARTING and len(self._environments) < _ENVIRONMENTS

    async def _has_started(self, environment: Environment) -> None:
        await asyncio.sleep(_STARTED_S)
        async with self._changed:
            environment.starting = False
            self._changed.notify_all()

    async def _give_back(self, environment: Environment, good: bool) -> None:
        async with self._changed:
            environment.starting = False
            if good:
                self._idle.append(environment)
            else:
                environment.close()
                self._environments.discard(environment)
            self._changed.notify_all()

    def _end_if_unused(self) -> None:
        if self._closed and not self._using:
            self._control.close()
            while self._idle:
                self._idle.pop().close()

    async def _fork(self) -> Environment:
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"."], [theirs.fileno()])
            theirs.close()
            environment = Environment(*await asyncio.open_connection(sock=ours))
            async with asyncio.timeout(_INIT_S):
                await environment.greet()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            raise Failed(error("Runtime.ExitError", "The code's process has ended")) from None
        return environment


def error(kind: str, message: str) -> str:
    """An error as Lambda describes it."""
    return json.dumps({"errorType": kind, "errorMessage": message})


async def _frame(reader: asyncio.StreamReader) -> Item:
    size = struct.unpack("!I", await reader.readexactly(4))[0]
    frame: Item = json.loads(await reader.readexactly(size))
    return frame
