"""Waiting until something holds, with a bound that is no part of what is tested."""

from __future__ import annotations

import time
from collections.abc import Callable

WAIT_S, _AGAIN_S = 60.0, 0.02


def until(condition: Callable[[], bool], what: str = "it holds") -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {WAIT_S:g} s: {what}"
        time.sleep(_AGAIN_S)
