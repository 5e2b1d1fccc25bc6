"""A process that Linux kills when its parent dies.

The parent may be killed without time to clean up, and a frozen process would not even notice.
Linux's notion of a parent is the *thread* that started the process, so it must live long enough.
As a program: `python tied.py PARENT_PID COMMAND…` runs COMMAND tied.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

CAN_BE = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1


def to_parent(parent_pid: int) -> None:
    """Tie this process, also across exec; does nothing on systems other than Linux."""
    if CAN_BE:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:
            sys.exit("the parent process has ended already")


if __name__ == "__main__":
    to_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
