"""What a connection calls."""

from __future__ import annotations

from typing import Protocol

from .inbox import Event


class User(Protocol):
    """The user of a connection, which it calls."""

    def emit(self, name: str, data: Event) -> None:
        """Emit `connected`, `disconnected`, `waiting`, `regions`, `moved` or `refused`."""

    def opened(self) -> None:
        """A connection is open, and nothing has been read from it yet."""

    async def restore(self) -> None:
        """Recover on the new connection; if this raises, the client reconnects."""

    def event(self, name: str, data: Event) -> None:
        """Handle an event of the server."""

    def ended(self, *, by_server: bool) -> None:
        """The connection has ended; by the server, or by a network that broke it."""
