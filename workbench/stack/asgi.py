"""ASGI's types, as far as the emulator's guards need them, and a request's body.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class TooLarge(Exception):
    """The body is larger than asked for."""


async def body(receive: Receive, most_bytes: int) -> bytes:
    """The whole body.

    Raises:
        TooLarge: It has more than `most_bytes`.
    """
    collected, more = bytearray(), True
    while more:
        event = await receive()
        collected += event.get("body", b"")
        if len(collected) > most_bytes:
            raise TooLarge
        more = event.get("more_body", False)  # a client that has left sends no more
    return bytes(collected)
