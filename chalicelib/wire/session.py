"""What a session does for each packet from its client, as a table. Pure.

https://github.com/socketio/engine.io-protocol#protocol
"""

from __future__ import annotations

from enum import Enum, auto

from .engineio import EnginePacket, EnginePacketKind


class Effect(Enum):
    """The effect of a packet; PROBE and UPGRADE come on a websocket for a polling session."""

    ALIVE = auto()
    MESSAGE = auto()
    PROBE = auto()
    UPGRADE = auto()
    END = auto()
    FAIL = auto()
    NOTHING = auto()


# As in the reference server: a client never sends OPEN, and sends PING only to probe. Anything
# else fails the session.
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
    """The effect of a packet from the client of an open session."""
    if packet.kind is EnginePacketKind.PING and packet.data != "probe":
        return Effect.FAIL
    return TRANSITIONS[packet.kind]
