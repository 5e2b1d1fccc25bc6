"""The clients of a drill behind one face: send until acked, be cut, be closed."""

from __future__ import annotations

from typing import Protocol

from .history import Client, Key, MessageId, Room


class Unanswered(Exception):
    """No ack, or an error that a retry may change: send it again under the same key."""


class Refused(Exception):
    """The server will not take it, however often it is sent."""


class Member(Protocol):
    """One device. It connects again by itself, as its kind of client does or documents."""

    @property
    def name(self) -> Client: ...

    async def start(self) -> None:
        """Connect; returns once it is there."""

    async def send(self, room: Room, key: Key) -> MessageId:
        """One message; the ack's id.

        Raises:
            Unanswered: Not acked (yet).
            Refused: Never to be acked.
        """

    def cut(self) -> None:
        """End the connection on the client's side; nothing when there is none now."""

    async def close(self) -> None:
        """End it for good."""


def message(room: Room, key: Key) -> dict[str, str]:
    """The data of a `send_message`."""
    return {
        "conversation_id": room,
        "message_type": "text",
        "content": key,
        "client_message_id": key,
    }
