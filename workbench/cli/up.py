"""`tidings up`: the embedded stack in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rich.console import Console

from operate.cli import say
from workbench.stack import logs, running
from workbench.stack.children import StackError, Unusable, end_all
from workbench.stack.embedded import EmbeddedStack

from . import checks

if TYPE_CHECKING:
    from workbench.stack.regions.deployment import Regions

_CHECK_S, _AGAIN_S = 1.0, 0.2


class _Running(AbstractAsyncContextManager[Any], Protocol):
    """All of it runs inside the context."""

    def dead_child(self) -> str | None: ...


Stack = TypeVar("Stack", bound=_Running)


@dataclass(frozen=True, slots=True)
class Options:
    """Of `tidings up`.

    Attributes:
        persist: Keep the data for the next start.
        origins: Whose pages may use the APIs and get tokens, beside the stack's own.
        in_memory: Without emulators: fast, and nobody else can look inside.
        regions: These run side by side, with chaos; one without it when there are none.
    """

    port: int
    region: str
    reload: bool = True
    shards: int = 1
    persist: bool = False
    origins: tuple[str, ...] = ()
    log_format: logs.Format = "text"
    regions: tuple[str, ...] = ()
    in_memory: bool = False


def up(options: Options) -> int:
    """Run until Ctrl-C, SIGTERM or a child's death; the exit code."""
    if options.regions:
        return run(lambda: _regions(options), _tell_regions)
    return run(lambda: _stack(options), _tell)


def _stack(options: Options) -> EmbeddedStack:
    if options.in_memory and options.persist:
        raise Unusable("--persist keeps the emulator's data: with --stores memory there is none")
    origins = checks.origins(options.origins, os.environ)
    checks.settings(os.environ)
    logs.configure(options.log_format, keep=logs.file(running.home(), options.region))
    return EmbeddedStack(
        port=options.port,
        region=options.region,
        reload=options.reload and not options.in_memory,
        in_memory=options.in_memory,
        shards=options.shards,
        home=running.home(),
        persist=options.persist,
        environment={"TIDINGS_ALLOWED_ORIGINS": origins} if origins else {},
    )


def _regions(options: Options) -> Regions:
    from workbench.stack.regions.deployment import Plan, Regions  # more to import, rarely used

    if options.in_memory:
        raise Unusable("--stores memory is for a single region, without chaos")
    if options.persist:
        raise Unusable("--persist keeps the data of a single region only, without chaos")
    origins = checks.origins(options.origins, os.environ)
    checks.settings(os.environ)
    logs.configure(options.log_format)
    return Regions(
        Plan(
            options.regions,
            port=options.port,
            shards=options.shards,
            reload=options.reload,
            settings={"TIDINGS_ALLOWED_ORIGINS": origins} if origins else {},
            home=running.home(),
            log_format=options.log_format,
        )
    )


def run(make: Callable[[], Stack], tell: Callable[[Console, Stack], None]) -> int:
    """Any stack until Ctrl-C, SIGTERM or a child's death; `tell` says where it is."""
    try:
        return asyncio.run(_run(make(), tell))
    except StackError as fault:
        say.problem(fault)
        return fault.exit_code


def _tell(console: Console, stack: EmbeddedStack) -> None:
    console.print(f"[bold]Tidings[/bold] runs in {stack.region}. Ctrl-C stops all of it.\n")
    console.print(f"  Page       {stack.url}/")
    console.print(f"  HTTP       {stack.url}/v1/health")
    console.print(f"  WebSocket  {stack.ws_url}?token=…")
    console.print(f"  Socket.IO  {stack.url}")
    if not stack.in_memory:
        console.print(f"  AWS APIs   {stack.aws_endpoint_url}")
        console.print(f"  Redis      {stack.redis_url}")
    console.print(f"  Data       {_kept(stack)}\n", highlight=False, soft_wrap=True)
    console.print("  chat       .venv/bin/tidings chat alice lobby", highlight=False)


def _tell_regions(console: Console, stack: Regions) -> None:
    names = ", ".join(stack.names)
    console.print(f"[bold]Tidings[/bold] runs in {names}. Ctrl-C stops all of it.\n")
    width = max(map(len, stack.names))
    for name, url in stack.urls.items():
        websocket = url.replace("http", "ws", 1)
        line = f"  {name:<{width}}  {url}/  {websocket}/ws?token=…"
        console.print(line, highlight=False, soft_wrap=True)
    console.print("\n  Data       forgotten when it stops", highlight=False)
    first = stack.names[0]
    console.print(f"  faults     .venv/bin/tidings chaos {first} all kill", highlight=False)
    console.print(f"             .venv/bin/tidings chaos {first} --heal", highlight=False)
    console.print("  chat       .venv/bin/tidings chat alice lobby", highlight=False)


def _kept(stack: EmbeddedStack) -> str:
    if stack.in_memory:
        return "in memory: forgotten when it stops; changed code is used after the next start"
    if stack.data is not None:
        return f"kept in {stack.data.folder} when it stops; remove that folder to begin anew"
    if "ministack" not in stack.children:
        return "in the emulator at AWS_ENDPOINT_URL"
    return "forgotten when it stops; make run PERSIST=1 (tidings up --persist) keeps it"


async def _run(stack: Stack, tell: Callable[[Console, Stack], None]) -> int:
    console = Console()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print("starting …")
    if await _started(stack, stop):
        try:
            tell(console, stack)
            while not await _set_within(stop, _CHECK_S):
                why = stack.dead_child()
                if why is not None:
                    raise StackError(why)
            console.print("stopping …")
        finally:
            await stack.__aexit__(None, None, None)
    return 0


async def _started(stack: Stack, stop: asyncio.Event) -> bool:
    """Enter it, and say whether that came about; told to stop, it is not waited for any longer."""
    starting = asyncio.create_task(stack.__aenter__())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    while not starting.done():
        # It waits in a thread for a child to be ready: without the child it fails, and clears up.
        end_all()
        await asyncio.wait({starting}, timeout=_AGAIN_S)
    if stop.is_set() and starting.exception() is not None:
        return False
    await starting
    return True


async def _set_within(stop: asyncio.Event, within_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), within_s)
    return stop.is_set()
