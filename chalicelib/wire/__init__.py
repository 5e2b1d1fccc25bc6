"""Sans-IO codecs: frames to requests, events and answers to frames. No socket, no clock."""

from __future__ import annotations

from ..contract.events import Event
from . import jsonwire

JSON = "json"
_SOCKETIO, _RECOVERING = "sio:", "sio+:"


def of_namespace(namespace: str, recovers: bool = False) -> str:
    """The protocol of a Socket.IO namespace's sockets, or of those that can recover."""
    return (_RECOVERING if recovers else _SOCKETIO) + namespace


def is_json(protocol: str) -> bool:
    return protocol == JSON


def recovers(protocol: str) -> bool:
    """Whether events of log entries carry offsets, from which a client goes on."""
    return protocol.startswith(_RECOVERING)


def takes(protocol: str, name: str) -> bool:
    """Whether events of this name are for its receivers."""
    if is_json(protocol):
        return True
    from . import socketwire

    return socketwire.takes(namespace(protocol), name)


def encode(protocol: str, event: Event, offset: str | None = None) -> bytes | None:
    """An event as the one frame that every receiver of a protocol shares.

    None when it is not for them. An `offset` makes it one socket's own.
    """
    if is_json(protocol):
        return jsonwire.encode_event(event)
    from . import socketwire

    return socketwire.encode_event(namespace(protocol), event, offset)


def namespace(protocol: str) -> str:
    """The Socket.IO namespace of a protocol that is one's."""
    return protocol.partition(":")[2]
