"""A local stack in a process of its own, as a process has only one environment."""

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


@contextmanager
def stack(options: str) -> Iterator[int]:
    """Yield its port; `options` are arguments of `EmbeddedStack`, as source text."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TIDINGS_"))}
    command = [sys.executable, "-c", _STACK.format(options=options)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=env, text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(60)
