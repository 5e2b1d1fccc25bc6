"""How deeply JSON may be nested: one bound for all that is accepted, stored and read.

Parsers, encoders and `dataclasses.asdict` recurse, and each gives up at another depth. So what
clients send is held to `MAX_DEPTH` before anything is written, and what was stored before there
was a bound (or by somebody else) is replaced when it is read. Nothing here recurses.
"""

from __future__ import annotations

import json
from typing import Any, LiteralString

from .errors import BadRequest

MAX_DEPTH = 64  # arrays and objects within each other; a text or a number is at depth 0
TOO_DEEP: LiteralString = "nested deeper than 64 levels of arrays and objects"
# What content that cannot be read is shown as, in place of the content.
UNREADABLE = f"not JSON of at most {MAX_DEPTH} levels"
_FRAME_DEPTH = MAX_DEPTH + 2  # a frame around its data around the content


def too_deep(name: str) -> BadRequest:
    return BadRequest(f"{name}: {TOO_DEEP}")


def within(value: object, levels: int) -> bool:
    """Whether arrays and objects are nested at most so deep."""
    values = [value]
    for _ in range(levels):
        values = [inner for each in values for inner in _inner(each)]
        if not values:
            return True
    return not any(isinstance(each, dict | list | tuple) for each in values)


def frame_within(value: object) -> bool:
    """Whether a whole frame, packet or body is; what is in it may have `MAX_DEPTH` levels."""
    return within(value, _FRAME_DEPTH)


def loads(text: str, name: str) -> Any:
    """What a client sent. Its depth is not bounded yet, see `within`.

    Raises:
        BadRequest: It is nested so deeply that it cannot even be read.
        ValueError: It is not JSON; NaN and infinities are not.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise too_deep(name) from None


def readable(value: Any) -> Any:
    """A value from a store, a queue or a cache, or what is shown in its place."""
    return value if within(value, MAX_DEPTH) else {"$unreadable": UNREADABLE}


def read(text: str) -> Any:
    """The value of a stored text, or what is shown in its place."""
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
