"""The interface of a drill's clients: send until acked, break the connection, close."""

from __future__ import annotations

from typing import Protocol

from .history import Ack, Client, Key, Room


class Unanswered(Exception):
    """There was no ack, or an error that may be temporary: send again under the same key."""


class Refused(Exception):
    """The server rejects the message permanently."""


class Member(Protocol):
    """One device, which reconnects by itself, as its client library does or documents."""

    @property
    def name(self) -> Client: ...

    async def start(self) -> None:
        """Connect; return once connected."""

    async def send(self, room: Room, key: Key) -> Ack:
        """Send one message; return its ack.

        Raises:
            Unanswered: Not acked (yet).
            Refused: The server rejected it permanently.
        """

    def cut(self) -> None:
        """Break the connection from the client's side; do nothing without a connection."""

    async def close(self) -> None:
        """Close the client permanently."""


def message(room: Room, key: Key) -> dict[str, str]:
    """The data of a `send_message`."""
    return {
        "conversation_id": room,
        "message_type": "text",
        "content": key,
        "client_message_id": key,
    }
