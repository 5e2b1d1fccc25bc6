"""What a session does with each packet of its client, as a table. Pure.

https://github.com/socketio/engine.io-protocol#protocol
"""

from __future__ import annotations

from enum import Enum, auto

from .engineio import EnginePacket, EnginePacketKind


class Effect(Enum):
    """What follows from a packet; PROBE and UPGRADE from a websocket for a polling session."""

    ALIVE = auto()
    MESSAGE = auto()
    PROBE = auto()
    UPGRADE = auto()
    END = auto()
    FAIL = auto()
    NOTHING = auto()


# A client that speaks out of turn has failed, as in the reference server: it never opens, and
# pings only to probe.
TRANSITIONS = {
    EnginePacketKind.OPEN: Effect.FAIL,
    EnginePacketKind.CLOSE: Effect.END,
    EnginePacketKind.PING: Effect.PROBE,
    EnginePacketKind.PONG: Effect.ALIVE,
    EnginePacketKind.MESSAGE: Effect.MESSAGE,
    EnginePacketKind.UPGRADE: Effect.UPGRADE,
    EnginePacketKind.NOOP: Effect.NOTHING,
}


def on_packet(packet: EnginePacket) -> Effect:
    """Of an open session's client."""
    if packet.kind is EnginePacketKind.PING and packet.data != "probe":
        return Effect.FAIL
    return TRANSITIONS[packet.kind]
