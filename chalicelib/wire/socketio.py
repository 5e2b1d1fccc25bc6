"""Socket.IO v5 packets, as the messages of an Engine.IO session. Pure.

A packet with binary data is a text with placeholders, followed by one attachment for each.
https://github.com/socketio/socket.io-protocol
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from ..kernel import nesting
from ..kernel.errors import BadRequest
from .engineio import ProtocolError

MAIN = "/"
MAX_ATTACHMENTS = 32
MAX_NAMESPACE = 128  # characters
RESERVED = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)


class PacketKind(IntEnum):
    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet.

    Attributes:
        data: CONNECT: an object or None; EVENT: [name, argument, …]; ACK: [argument, …];
            CONNECT_ERROR: an object.
        attachments: How many attachments follow; `data` has placeholders until `attach`.
        fault: What is wrong with an event's arguments; then `data` has only its name.
    """

    kind: PacketKind
    namespace: str = MAIN
    data: Any = None
    ack_id: int | None = None
    attachments: int = 0
    fault: BadRequest | None = None


_SHAPE = re.compile(
    r"(?P<kind>[0-6])(?:(?P<attachments>[0-9]{1,3})-)?(?:(?P<namespace>/[^,]*)(?:,|\Z))?"
    r"(?P<ack_id>[0-9]{1,15})?(?P<data>.*)\Z",
    re.DOTALL,
)
_BINARY = (PacketKind.BINARY_EVENT, PacketKind.BINARY_ACK)
_EVENTS = (PacketKind.EVENT, PacketKind.BINARY_EVENT)
_NAME = re.compile(r'\s*\[\s*("(?:[^"\\]|\\.)*")')


def decode(text: str) -> Packet:
    """Decode a packet's text; `ProtocolError` if it is invalid or does not fit its type."""
    found = _SHAPE.match(text)
    if found is None:
        raise ProtocolError("not a Socket.IO packet")
    kind = PacketKind(int(found["kind"]))
    attachments = int(found["attachments"] or 0)
    if (kind in _BINARY) != (found["attachments"] is not None) or attachments > MAX_ATTACHMENTS:
        raise ProtocolError("wrong number of attachments")
    namespace = (found["namespace"] or MAIN).partition("?")[0]
    if len(namespace) > MAX_NAMESPACE:
        raise ProtocolError(f"a namespace has at most {MAX_NAMESPACE} characters")
    ack_id = int(found["ack_id"]) if found["ack_id"] else None
    data, fault = _load(kind, found["data"]) if found["data"] else (None, None)
    if not _fits(kind, data):
        raise ProtocolError("the payload does not fit the packet type")
    if kind in _EVENTS and data is not None:
        data = [_sayable(data[0]), *data[1:]]
    return Packet(kind, namespace, data, ack_id, attachments, fault)


def attach(packet: Packet, attachments: Sequence[bytes]) -> Packet:
    """Put the attachments into the packet; `ProtocolError` if they do not match."""
    if len(attachments) != packet.attachments:
        raise ProtocolError("wrong number of attachments")
    data = _put(packet.data, attachments)
    kind = PacketKind.EVENT if packet.kind is PacketKind.BINARY_EVENT else PacketKind.ACK
    return replace(packet, kind=kind, data=data, attachments=0)


def encode(packet: Packet) -> list[str | bytes]:
    """The packet's text, then its attachments: the bytes in `data`, in order."""
    attachments: list[bytes] = []
    kind, data = packet.kind, packet.data
    if kind in (PacketKind.EVENT, PacketKind.ACK):
        data = _take(data, attachments)
    if attachments:
        kind = PacketKind.BINARY_EVENT if kind is PacketKind.EVENT else PacketKind.BINARY_ACK
    head = f"{kind.value}{len(attachments)}-" if attachments else str(kind.value)
    namespace = f"{packet.namespace}," if packet.namespace != MAIN else ""
    number = str(packet.ack_id) if packet.ack_id is not None else ""
    return [head + namespace + number + (_dump(data) if data is not None else ""), *attachments]


def _fits(kind: PacketKind, data: Any) -> bool:
    match kind:
        case PacketKind.CONNECT:
            return data is None or isinstance(data, dict)
        case PacketKind.DISCONNECT:
            return data is None
        case PacketKind.CONNECT_ERROR:
            return isinstance(data, str | dict)
        case PacketKind.EVENT | PacketKind.BINARY_EVENT:
            named = isinstance(data, list) and bool(data) and isinstance(data[0], str)
            return named and data[0] not in RESERVED
    return isinstance(data, list)


def _load(kind: PacketKind, text: str) -> tuple[Any, BadRequest | None]:
    """The payload; for an event that is nested too deeply only its name, and the error."""
    try:
        data = nesting.loads(text, "arguments")
        if nesting.frame_within(data):
            return data, None
        fault = nesting.too_deep("arguments")
    except BadRequest as unreadable:
        fault = unreadable
    except ValueError:
        raise ProtocolError("the payload is not JSON") from None
    name = _NAME.match(text) if kind in _EVENTS else None
    if name is None:
        raise ProtocolError(str(fault))
    return [json.loads(name[1])], fault


def _sayable(name: str) -> str:
    """The name of an event, which answers repeat: UTF-8 has no place for half a character."""
    return name.encode("utf-8", "replace").decode()


def _dump(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _put(data: Any, attachments: Sequence[bytes]) -> Any:
    if isinstance(data, list):
        return [_put(each, attachments) for each in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is not True:
        return {name: _put(each, attachments) for name, each in data.items()}
    number = data.get("num")
    if type(number) is not int or not 0 <= number < len(attachments):
        raise ProtocolError("a placeholder has no attachment")
    return attachments[number]


def _take(data: Any, attachments: list[bytes]) -> Any:
    if isinstance(data, bytes):
        attachments.append(data)
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(data, list):
        return [_take(each, attachments) for each in data]
    if isinstance(data, dict):
        return {name: _take(each, attachments) for name, each in data.items()}
    return data
