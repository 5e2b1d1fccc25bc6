"""How deeply JSON may be nested: one limit for everything that is accepted, stored and read.

Parsers, encoders and `dataclasses.asdict` recurse, and each fails at a different depth. So input
from clients is checked against `MAX_DEPTH` before anything is written. Stored values that exceed
it (written before the limit existed, or by another program) are replaced when they are read.
Nothing in this module recurses.
"""

from __future__ import annotations

import json
from typing import Any, LiteralString

from .errors import BadRequest

MAX_DEPTH = 64  # arrays and objects within each other; a text or a number is at depth 0
TOO_DEEP: LiteralString = "nested deeper than 64 levels of arrays and objects"
# Shown in place of content that cannot be read.
UNREADABLE = f"not JSON of at most {MAX_DEPTH} levels"
_FRAME_DEPTH = MAX_DEPTH + 2  # a frame contains data, which contains the content


def too_deep(name: str) -> BadRequest:
    return BadRequest(f"{name}: {TOO_DEEP}")


def within(value: object, levels: int) -> bool:
    """Whether arrays and objects are nested at most `levels` deep."""
    values = [value]
    for _ in range(levels):
        values = [inner for each in values for inner in _inner(each)]
        if not values:
            return True
    return not any(isinstance(each, dict | list | tuple) for each in values)


def frame_within(value: object) -> bool:
    """Whether a whole frame, packet or body is within the limit; its content has `MAX_DEPTH`."""
    return within(value, _FRAME_DEPTH)


def loads(text: str, name: str) -> Any:
    """Parse what a client sent. The depth of the result is not checked, see `within`.

    Raises:
        BadRequest: The text is nested too deeply for the parser.
        ValueError: The text is not JSON. NaN and infinities are not JSON either.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise too_deep(name) from None


def readable(value: Any) -> Any:
    """The value as read from a store, a queue or the cache, or a placeholder if it is too deep."""
    return value if within(value, MAX_DEPTH) else {"$unreadable": UNREADABLE}


def read(text: str) -> Any:
    """The value of a stored text, or a placeholder if it cannot be read."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"$unreadable": UNREADABLE}
    shallow = text.count("[") + text.count("{") <= MAX_DEPTH
    return value if shallow else readable(value)


def _inner(value: object) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _refuse(constant: str) -> None:
    raise ValueError(constant)
