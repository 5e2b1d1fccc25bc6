"""What a client sees of its connection, over whichever transport."""

from __future__ import annotations

from typing import Protocol

from .scheduler import Result


class Refused(Exception):
    """The server's error, or no answer ("no_answer")."""

    def __init__(self, code: str, retryable: bool) -> None:
        super().__init__(code)
        self.code = code
        self.retryable = retryable


class Line(Protocol):
    """A client's end of a connection.

    Attributes:
        ended: Set when the client learns that the connection has ended, with the reason.
    """

    ended: Result[str]

    @property
    def connection_id(self) -> str:
        """The id by which the server knows it."""

    def send(self, text: str) -> None:
        """Send a frame or packet; what answers it arrives by itself."""

    def leave(self) -> None:
        """Close it."""

    def vanish(self) -> None:
        """Go away without a word."""

    def cut(self) -> None:
        """The network breaks it, and the client notices."""
