"""Sans-IO codecs: decode frames, encode events and answers. They use no socket and no clock."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract.events import Event
from . import jsonwire

JSON = "json"
_SOCKETIO, _RECOVERING = "sio:", "sio+:"


def of_namespace(namespace: str, recovers: bool = False) -> str:
    """The protocol name of a Socket.IO namespace's sockets; another one if they can recover."""
    return (_RECOVERING if recovers else _SOCKETIO) + namespace


def is_json(protocol: str) -> bool:
    return protocol == JSON


def recovers(protocol: str) -> bool:
    """Whether events of log entries carry offsets, with which a client recovers."""
    return protocol.startswith(_RECOVERING)


def plain(protocol: str) -> str:
    """The protocol of the same socket for events without offsets."""
    return of_namespace(namespace(protocol)) if recovers(protocol) else protocol


def takes(protocol: str, name: str) -> bool:
    """Whether connections of this protocol get events of this name."""
    if is_json(protocol):
        return True
    from . import socketwire

    return socketwire.takes(namespace(protocol), name)


def encode(protocol: str, event: Event) -> bytes | None:
    """Encode an event as a frame, the same for all receivers of the protocol.

    None when the protocol does not carry this event.
    """
    if is_json(protocol):
        return jsonwire.encode_event(event)
    from . import socketwire

    return socketwire.encode_event(namespace(protocol), event)


def array(events: Sequence[bytes]) -> bytes:
    """Put events into one frame, for a client of the JSON protocol that takes arrays."""
    return b"[%s]" % b",".join(events)


def with_offset(frame: bytes, offset: str) -> bytes:
    """Add a socket's offset to an event's frame, for a protocol that recovers."""
    from . import socketwire

    return socketwire.with_offset(frame, offset)


def namespace(protocol: str) -> str:
    """The Socket.IO namespace in a protocol name."""
    return protocol.partition(":")[2]
