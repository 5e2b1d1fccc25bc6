"""Engine.IO v4 packets as text frames and as payloads of a poll. Pure.

Binary goes as `b` + base64 in both: a websocket of API Gateway carries text only, and both stock
clients take it.
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
    """What was received cannot be decoded: the session ends."""


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
    """A text frame, or a packet of a payload; `ProtocolError` when it is none."""
    if frame.startswith("b"):
        try:
            return EnginePacket(
                EnginePacketKind.MESSAGE, base64.b64decode(frame[1:], validate=True)
            )
        except (binascii.Error, ValueError):
            raise ProtocolError("not base64") from None
    kind = _KINDS.get(frame[:1])
    if kind is None:
        raise ProtocolError("no such packet type")
    return EnginePacket(kind, frame[1:])


def encode_text(packet: EnginePacket) -> str:
    if isinstance(packet.data, bytes):
        return "b" + base64.b64encode(packet.data).decode()
    return packet.kind.value + packet.data


def decode_payload(body: str) -> list[EnginePacket]:
    """The packets of a POST; `ProtocolError` when one of them is none, or with too many."""
    parts = body.split(SEPARATOR, MAX_PACKETS)
    if len(parts) > MAX_PACKETS:
        raise ProtocolError("too many packets")
    return [decode_text(part) for part in parts]


def encode_payload(packets: Iterable[EnginePacket]) -> str:
    return SEPARATOR.join(map(encode_text, packets))


def open_packet(
    sid: str, upgrades: Sequence[str], ping_interval_ms: int, ping_timeout_ms: int, max_payload: int
) -> EnginePacket:
    """The handshake: the server's first packet. `max_payload` in bytes of a POST."""
    handshake = {
        "sid": sid,
        "upgrades": list(upgrades),
        "pingInterval": ping_interval_ms,
        "pingTimeout": ping_timeout_ms,
        "maxPayload": max_payload,
    }
    return EnginePacket(EnginePacketKind.OPEN, json.dumps(handshake, separators=(",", ":")))
