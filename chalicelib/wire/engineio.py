"""Engine.IO v4 packets as text frames and as payloads of a poll. Pure.

Binary is sent as `b` + base64 in both: API Gateway's websockets carry only text, and both
standard clients accept it.
https://github.com/socketio/engine.io-protocol
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

SEPARATOR = "\x1e"
MAX_PACKETS = 1_000


class ProtocolError(ValueError):
    """A frame or payload is invalid: the session ends."""


class EnginePacketKind(StrEnum):
    OPEN = "0"
    CLOSE = "1"
    PING = "2"
    PONG = "3"
    MESSAGE = "4"
    UPGRADE = "5"
    NOOP = "6"


@dataclass(frozen=True, slots=True)
class EnginePacket:
    """One packet; only messages carry bytes."""

    kind: EnginePacketKind
    data: str | bytes = ""


_KINDS = {kind.value: kind for kind in EnginePacketKind}


def decode_text(frame: str) -> EnginePacket:
    """Decode a text frame or a packet of a payload; `ProtocolError` if it is invalid."""
    if frame.startswith("b"):
        try:
            return EnginePacket(
                EnginePacketKind.MESSAGE, base64.b64decode(frame[1:], validate=True)
            )
        except (binascii.Error, ValueError):
            raise ProtocolError("binary data is not base64") from None
    kind = _KINDS.get(frame[:1])
    if kind is None:
        raise ProtocolError("unknown Engine.IO packet type")
    return EnginePacket(kind, frame[1:])


def encode_text(packet: EnginePacket) -> str:
    if isinstance(packet.data, bytes):
        return "b" + base64.b64encode(packet.data).decode()
    return packet.kind.value + packet.data


def decode_payload(body: str) -> list[EnginePacket]:
    """The packets of a POST; `ProtocolError` if one is invalid or there are too many."""
    parts = body.split(SEPARATOR, MAX_PACKETS)
    if len(parts) > MAX_PACKETS:
        raise ProtocolError(f"a POST may have at most {MAX_PACKETS} packets")
    return [decode_text(part) for part in parts]


def encode_payload(packets: Iterable[EnginePacket]) -> str:
    return SEPARATOR.join(map(encode_text, packets))


def open_packet(
    sid: str, upgrades: Sequence[str], ping_interval_ms: int, ping_timeout_ms: int, max_payload: int
) -> EnginePacket:
    """The handshake: the server's first packet. `max_payload` is in bytes per POST."""
    handshake = {
        "sid": sid,
        "upgrades": list(upgrades),
        "pingInterval": ping_interval_ms,
        "pingTimeout": ping_timeout_ms,
        "maxPayload": max_payload,
    }
    return EnginePacket(EnginePacketKind.OPEN, json.dumps(handshake, separators=(",", ":")))
