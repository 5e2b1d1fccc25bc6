"""Domain events as Socket.IO text frames, and which namespace gets which event."""

from __future__ import annotations

import json
from collections.abc import Collection

from ..contract.events import Event
from . import engineio, socketio

MOMENTS, NOTIFICATIONS = "/moments", "/notifications"
_OF_ALL = frozenset({"token_expiring", "reconnect", "session", "delivery_receipt"})
NAMESPACES: dict[str, Collection[str] | None] = {
    socketio.MAIN: None,  # everything
    MOMENTS: _OF_ALL | {"moment_posted"},
    NOTIFICATIONS: _OF_ALL | {"notification"},
}


def takes(namespace: str, name: str) -> bool:
    """Whether a namespace gets events of this name.

    No namespace gets the JSON protocol's `ping`: the heartbeat sends Engine.IO's own ping.
    """
    only = NAMESPACES.get(namespace)
    return name != "ping" and (only is None or name in only)


def encode_event(namespace: str, event: Event) -> bytes | None:
    """The event as a frame for this namespace's sockets; None if they do not get it."""
    if not takes(namespace, event.name):
        return None
    data = [event.name, event.data()]
    return frame(socketio.Packet(socketio.PacketKind.EVENT, namespace, data, event.ack_id))


def with_offset(frame: bytes, offset: str) -> bytes:
    """Add an argument to an event's frame; the event itself is encoded once for all sockets."""
    return b"%s,%s]" % (frame[:-1], json.dumps(offset).encode())


def frame(packet: socketio.Packet) -> bytes:
    """Encode a packet without attachments as an Engine.IO text frame."""
    return (engineio.EnginePacketKind.MESSAGE.value + str(socketio.encode(packet)[0])).encode()
