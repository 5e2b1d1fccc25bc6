"""What a session does with each packet of its client, as a table. Pure.

https://github.com/socketio/engine.io-protocol#protocol
"""

from __future__ import annotations

from enum import Enum, auto

from .engineio import Packet, PacketKind


class Effect(Enum):
    """What follows from a packet."""

    ALIVE = auto()
    MESSAGE = auto()
    END = auto()
    FAIL = auto()
    NOTHING = auto()


# A client that speaks out of turn (it never opens, pings, or upgrades an open websocket) has
# failed, as in the reference server; a noop says nothing.
TRANSITIONS = {
    PacketKind.OPEN: Effect.FAIL,
    PacketKind.CLOSE: Effect.END,
    PacketKind.PING: Effect.FAIL,
    PacketKind.PONG: Effect.ALIVE,
    PacketKind.MESSAGE: Effect.MESSAGE,
    PacketKind.UPGRADE: Effect.FAIL,
    PacketKind.NOOP: Effect.NOTHING,
}


def on_packet(packet: Packet) -> Effect:
    """Of an open session's client."""
    return TRANSITIONS[packet.kind]
