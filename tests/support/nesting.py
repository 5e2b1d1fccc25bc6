"""Values that are nested to the bound, and beyond."""

from __future__ import annotations

from typing import Any

from chalicelib.kernel import nesting


def nested(levels: int, core: Any = "x") -> Any:
    """A value at this depth: arrays and objects by turns."""
    for level in range(levels):
        core = [core] if level % 2 else {"a": core}
    return core


DEEPEST, TOO_DEEP = nested(nesting.MAX_DEPTH), nested(nesting.MAX_DEPTH + 1)
