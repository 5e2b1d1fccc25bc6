"""What a client sees of its connection, over whichever transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .scheduler import Result

if TYPE_CHECKING:
    from .devices import Device

Frame = dict[str, Any]


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


class Speech(Protocol):
    """A protocol: opens a connection, words requests, and hands what arrives to the device."""

    def open(self, device: Device) -> Line | None: ...

    def is_recovered(self) -> bool:
        """Whether the server has sent what was missed, so that no sync is needed."""

    def is_stock(self) -> bool:
        """Whether its program does nothing about missed messages: the protocol recovers them."""

    def is_dead(self, device: Device) -> bool:
        """Check the connection, from the device's task; True if it must be given up."""

    def say(self, device: Device, number: int, action: str, data: Frame) -> str: ...

    def read(self, device: Device, text: str) -> None: ...
