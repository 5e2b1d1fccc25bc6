"""Sans-IO codecs: frames to requests, events and answers to frames. No socket, no clock."""

from __future__ import annotations

from ..events import Event
from . import jsonwire

JSON = "json"
_SOCKETIO = "sio:"


def of_namespace(namespace: str) -> str:
    """The protocol of a Socket.IO namespace's sockets."""
    return _SOCKETIO + namespace


def is_json(protocol: str) -> bool:
    return protocol == JSON


def encode(protocol: str, event: Event) -> bytes | None:
    """An event as the one frame that every receiver of a protocol shares.

    None when it is not for them.
    """
    if is_json(protocol):
        return jsonwire.encode_event(event)
    from . import socketwire

    return socketwire.encode_event(protocol.removeprefix(_SOCKETIO), event)
