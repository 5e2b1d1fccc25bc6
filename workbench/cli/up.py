"""`tidings up`: the embedded stack in the foreground."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from rich.console import Console

from workbench.stack.children import StackError
from workbench.stack.embedded import EmbeddedStack

from . import say

_CHECK_S = 1.0


class _Running(AbstractAsyncContextManager[Any], Protocol):
    """All of it runs inside the context."""

    def dead_child(self) -> str | None: ...


Stack = TypeVar("Stack", bound=_Running)


def up(port: int, region: str, reload: bool, shards: int) -> int:
    """Run until Ctrl-C, SIGTERM or a child's death; the exit code."""
    options: dict[str, Any] = {"reload": reload, "shards": shards, "remember": True}
    return run(EmbeddedStack(port=port, region=region, **options), _tell)


def run(stack: Stack, tell: Callable[[Console, Stack], None]) -> int:
    """Any stack until Ctrl-C, SIGTERM or a child's death; `tell` says where it is."""
    try:
        return asyncio.run(_run(stack, tell))
    except StackError as fault:
        say.problem(fault)
        return 1


def _tell(console: Console, stack: EmbeddedStack) -> None:
    console.print(f"[bold]Tidings[/bold] runs in {stack.region}. Ctrl-C stops all of it.\n")
    console.print(f"  Page       {stack.url}/")
    console.print(f"  HTTP       {stack.url}/v1/health")
    console.print(f"  WebSocket  {stack.ws_url}?token=…")
    console.print(f"  Socket.IO  {stack.url}")
    console.print(f"  AWS APIs   {stack.aws_endpoint_url}")
    console.print(f"  Redis      {stack.redis_url}\n")
    console.print("  chat       .venv/bin/tidings chat alice lobby", highlight=False)


async def _run(stack: Stack, tell: Callable[[Console, Stack], None]) -> int:
    console = Console()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print("starting …")
    async with stack:
        tell(console, stack)
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), _CHECK_S)
            except TimeoutError:
                why = stack.dead_child()
                if why is not None:
                    raise StackError(why) from None
        console.print("stopping …")
    return 0
