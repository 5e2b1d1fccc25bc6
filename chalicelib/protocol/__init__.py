"""Sans-IO codecs: frames to requests, events and answers to frames. No socket, no clock."""

from __future__ import annotations

from collections.abc import Callable

from ..events import Event
from . import jsonwire

ENCODERS: dict[str, Callable[[Event], bytes]] = {"json": jsonwire.encode_event}


def encode(protocol: str, event: Event) -> bytes:
    """An event as the one frame that every receiver of a protocol shares."""
    return ENCODERS[protocol](event)
