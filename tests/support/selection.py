"""Which tests run, and on which worker.

`make test` leaves out the extended tests: those that deploy into an emulator, those of the stack in
memory, those of the page, which need Chromium, and those with the marker `extended`, which run
Terraform or take minutes.
`make test-all` (`--all`) runs all tests.

A worker of pytest-xdist gets whole groups, as fixtures of a folder are started once. Unit tests
and scenarios share none: each of their modules is a group, which evens out the workers at the end.
"""

from __future__ import annotations

import re
from collections.abc import Collection

DEPLOYED = ("localstack", "ministack")  # stacks of tests/e2e
APART = (*DEPLOYED, "memory")  # those that `make test` leaves out
IN_BROWSER = "page"
# Workers begin with what takes longest.
BY_MODULE = ("unit", "scenarios")  # folders whose modules share no fixture that is slow to start
LONGEST = (*APART, "terraform", "drills", "e2e", "conformance", "contract", IN_BROWSER)


def group(nodeid: str) -> str:
    """A folder of tests or tests/operate, a stack of tests/e2e, or a module's path."""
    folder, *inner, module = nodeid.split("::")[0].split("/")[1:]
    if folder in BY_MODULE:
        return "/".join((folder, *inner, module))
    if folder == "operate" and inner:
        return f"{folder}/{inner[0]}"
    stack = re.search(rf"\[({'|'.join(APART)})\b", nodeid) if folder == "e2e" else None
    return stack[1] if stack else folder


def place(nodeid: str) -> int:
    """The position of its group in the order of a worker."""
    name = group(nodeid)
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def left_out(nodeid: str, *, extended: bool, stacks: Collection[str]) -> bool:
    """Whether a run without `--all` skips the test.

    Args:
        extended: Whether it has the marker.
        stacks: The stacks named by `--stack`; their tests run.
    """
    name = group(nodeid)
    return extended or name == IN_BROWSER or (name in APART and name not in stacks)
