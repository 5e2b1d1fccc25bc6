"""The Lambda service's part: execution environments of app.py, in this process.

An environment is app.py executed as a module of its own, and serves one invocation at a time, as
on Lambda (Chalice keeps the current request on the app object). `chalicelib` is shared: its
services are thread-safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import itertools
import json
import logging
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from watchfiles import Change, awatch

from operate.triggers import HTTP_FUNCTION
from workbench.gateway import FunctionError

logger = logging.getLogger("tidings.stack")
# Whose invocation this code runs in, None outside of any.
current_function: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "current_function", default=None
)


@dataclass
class LambdaContext:
    """What a handler may ask of its context object."""

    function_name: str
    deadline: float
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    memory_limit_in_mb: int = 512

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:local:000000000000:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class InProcessFunctions:
    """An `Invoker` for the handlers of one app.py.

    More than `concurrency` invocations wait for an environment, where Lambda would throttle.
    Functions with reserved concurrency have executions of their own, see `reserve`.
    """

    def __init__(self, app_path: Path, concurrency: int = 64, package: str = "chalicelib") -> None:
        self._path = app_path.resolve()
        self._package = package
        self._numbers = itertools.count()
        self._generation = self._base = 0  # the newest, and that of functions not deployed since
        self._idle: dict[int, list[ModuleType]] = {0: []}
        self._generation_of: dict[str, int] = {}
        self._code: dict[int, dict[str, ModuleType]] = {}  # the package of earlier generations
        self._loading = threading.Lock()
        self._served: Counter[int] = Counter()
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="lambda")
        self._reserved: dict[str, ThreadPoolExecutor] = {}
        self._closed = False

    def reserve(self, function: str, concurrency: int) -> None:
        """Give a function executions that are its own, and no others, as on Lambda.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
        """
        self._reserved[function] = ThreadPoolExecutor(concurrency, thread_name_prefix=function)

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        """Run a handler on a copy of the event, as JSON carries it; see `gateway.Invoker`."""
        loop = asyncio.get_running_loop()
        context = LambdaContext(function, time.monotonic() + timeout_s)
        pool = self._reserved.get(function, self._pool)
        own = contextvars.copy_context()
        work = loop.run_in_executor(pool, own.run, self._run, function, json.dumps(event), context)
        return json.loads(await asyncio.wait_for(work, timeout_s))

    def http_routes(self) -> list[tuple[str, str]]:
        """The routes that the app has declared."""
        environment = self._environment(self._generation)
        self._idle[self._generation].append(environment)
        routes = environment.app.routes
        return [(method, path) for path, methods in routes.items() for method in methods]

    def reload(self) -> None:
        """Fresh code from the next invocation on; running ones finish on the old."""
        with self._loading:
            self._generation += 1
            self._base = self._generation
            self._idle = {self._generation: []}
            self._generation_of.clear()
            self._code.clear()
            importlib.invalidate_caches()
            for module in self._take_code().values():
                _drop_bytecode(module)

    def deploy(self, function: str) -> None:
        """Let one function run from code loaded anew; the others go on with theirs.

        Functions that are deployed one after the other share the new code, until one of them is
        deployed again.
        """
        with self._loading:
            if self._runs(function) == self._generation:
                self._code[self._generation] = code = self._take_code()
                for module in code.values():
                    _drop_bytecode(module)
                self._generation += 1
                self._idle[self._generation] = []
                importlib.invalidate_caches()
            self._generation_of[function] = self._generation
            for old in self._idle.keys() - {self._base, *self._generation_of.values()}:
                del self._idle[old], self._code[old]

    @property
    def served(self) -> list[int]:
        """Calls that each version of the code has served, the newest last."""
        return [self._served[each] for each in range(self._generation + 1)]

    async def watch(self) -> None:
        """Reload on every change of the code, until cancelled."""
        folder = self._path.parent
        await asyncio.gather(
            # The folder, not the file: an editor that saves by renaming leaves a watched file.
            self._watch(folder, False, lambda change, name: Path(name) == self._path),
            self._watch(folder / self._package, True, lambda change, name: name.endswith(".py")),
        )

    def close(self) -> None:
        """Begin no invocation any more. Those under way find the stack's services gone."""
        self._closed = True
        for pool in (self._pool, *self._reserved.values()):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _watch(
        self, folder: Path, recursive: bool, relevant: Callable[[Change, str], bool]
    ) -> None:
        if not folder.is_dir():
            return
        async for _ in awatch(folder, watch_filter=relevant, recursive=recursive, debounce=200):
            self.reload()
            await asyncio.to_thread(self._try_new_code)

    def _try_new_code(self) -> None:
        """Say at once whether it loads; it stays for the next invocation."""
        generation = self._generation
        try:
            environment = self._load(generation)
        except (Exception, SystemExit) as fault:  # noqa: BLE001 - new code may fail in any way
            logger.warning("new code does not load: %s: %s", type(fault).__name__, fault)
            return
        if generation == self._generation:
            self._idle[generation].append(environment)
        print("handlers reloaded", file=sys.stderr, flush=True)

    def _run(self, function: str, event: str, context: LambdaContext) -> str:
        generation = self._runs(function)
        running = current_function.set(function)
        try:
            environment = self._environment(generation)
            name = "app" if function == HTTP_FUNCTION else function
            self._served[generation] += 1
            result = json.dumps(getattr(environment, name)(json.loads(event), context))
        except (Exception, SystemExit) as fault:  # one exit must not end the whole stack
            if self._closed:
                logger.info("%s did not end before the stack: %s", function, type(fault).__name__)
            else:
                logger.exception("%s raised", function)
            raise FunctionError(type(fault).__name__, str(fault)) from fault
        finally:
            current_function.reset(running)
        self._idle.get(generation, []).append(environment)  # not of a generation that is no more
        return result

    def _runs(self, function: str) -> int:
        """The generation of code that the function runs."""
        return self._generation_of.get(function, self._base)

    def _environment(self, generation: int) -> ModuleType:
        try:
            return self._idle[generation].pop()
        except (IndexError, KeyError):
            return self._load(generation)

    def _load(self, generation: int) -> ModuleType:
        with self._loading:
            newer = self._take_code() if generation in self._code else {}
            sys.modules.update(self._code.get(generation, {}))
            try:
                return self._execute()
            finally:
                if newer:
                    self._code[generation] = self._take_code()
                    sys.modules.update(newer)

    def _execute(self) -> ModuleType:
        module = ModuleType(f"tidings_environment_{next(self._numbers)}")
        module.__file__ = str(self._path)
        if str(self._path.parent) not in sys.path:
            sys.path.insert(0, str(self._path.parent))
        exec(compile(self._path.read_bytes(), str(self._path), "exec"), module.__dict__)
        return module

    def _take_code(self) -> dict[str, ModuleType]:
        """Remove the package's modules from those that an import finds."""
        names = [name for name in sys.modules if name.split(".")[0] == self._package]
        return {name: sys.modules.pop(name) for name in names}


def _drop_bytecode(module: ModuleType) -> None:
    """Python compares it with the code by whole seconds only."""
    cached = getattr(module, "__cached__", None)
    if cached:
        with contextlib.suppress(OSError):
            Path(cached).unlink()
