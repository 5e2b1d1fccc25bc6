"""A local stack, or regions, in a process of its own, as a process has only one environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_STACK = """
import sys
from pathlib import Path
from workbench.gateway import Limits
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread
with in_thread(EmbeddedStack(port=0, {options})) as stack:
    print(stack.port, flush=True)
    sys.stdin.read()
"""

_REGIONS = """
import sys
from workbench.stack.regions.deployment import Plan, Regions
from workbench.stack.threads import in_thread
with in_thread(Regions(Plan({names}, port=0)), start_s=200) as regions:
    print(*(regions.urls[name] for name in {names}), flush=True)
    sys.stdin.read()
"""


@contextmanager
def stack(options: str) -> Iterator[int]:
    """Yield its port; `options` are arguments of `EmbeddedStack`, as source text."""
    with _running(_STACK.format(options=options)) as told:
        yield int(told)


@contextmanager
def regions(*names: str) -> Iterator[dict[str, str]]:
    """Yield the URLs of complete regions, by name."""
    with _running(_REGIONS.format(names=names)) as told:
        yield dict(zip(names, told.split(), strict=True))


@contextmanager
def _running(code: str) -> Iterator[str]:
    """Run Python code until the context ends; yield the first line that it prints."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TIDINGS_"))}
    command = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=env, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline()
        finally:
            process.stdin.close()
            process.wait(60)
