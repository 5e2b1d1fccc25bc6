"""How frames are read. Sans I/O."""

from __future__ import annotations

import json

from .inbox import Event


def decoded(text: str | bytes) -> list[Event]:
    """Decode a frame, or an array of frames; none if it is of another protocol."""
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [
        each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)
    ]
