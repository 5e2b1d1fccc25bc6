"""Domain events as Socket.IO packets: which namespace gets which, as one text frame."""

from __future__ import annotations

from collections.abc import Collection

from ..events import Event
from . import engineio, socketio

MOMENTS, NOTIFICATIONS = "/moments", "/notifications"
_OF_ALL = frozenset({"token_expiring", "reconnect"})
NAMESPACES: dict[str, Collection[str] | None] = {
    socketio.MAIN: None,  # everything
    MOMENTS: _OF_ALL | {"moment_posted"},
    NOTIFICATIONS: _OF_ALL | {"notification"},
}


def encode_event(namespace: str, event: Event) -> bytes | None:
    """The event for a socket of this namespace; None when it is not for one.

    The server's question to a silent connection is Engine.IO's own ping, which the heartbeat sends.
    """
    only = NAMESPACES.get(namespace)
    if event.name == "ping" or (only is not None and event.name not in only):
        return None
    return frame(socketio.Packet(socketio.PacketKind.EVENT, namespace, [event.name, event.data]))


def frame(packet: socketio.Packet) -> bytes:
    """A packet without attachments as an Engine.IO text frame."""
    return (engineio.PacketKind.MESSAGE.value + str(socketio.encode(packet)[0])).encode()
