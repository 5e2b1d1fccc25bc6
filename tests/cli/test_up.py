"""What runs until Ctrl-C also ends with it before it runs."""

from __future__ import annotations

import subprocess
import sys

# Its only child is never ready; as soon as that is asked, there comes a Ctrl-C.
STARTING = """
import asyncio, os, signal
from workbench.cli import up
from workbench.stack.children import Child

class Stack:
    async def __aenter__(self):
        await asyncio.to_thread(Child, "slow", ["sleep", "600"], self.ready, ready_s=600)

    def ready(self):
        os.kill(os.getpid(), signal.SIGINT)
        return False

raise SystemExit(up.run(Stack, print))
"""


def test_ctrl_c_while_it_starts() -> None:
    command = [sys.executable, "-c", STARTING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "starting …\n")
