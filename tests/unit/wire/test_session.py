"""What a session does with each packet."""

from __future__ import annotations

import pytest

from chalicelib.wire.engineio import EnginePacket, EnginePacketKind
from chalicelib.wire.session import TRANSITIONS, Effect, on_packet


def test_the_table_has_every_kind_of_packet() -> None:
    assert set(TRANSITIONS) == set(EnginePacketKind)


@pytest.mark.parametrize(
    ("kind", "data", "effect"),
    [
        (EnginePacketKind.PING, "probe", Effect.PROBE),
        (EnginePacketKind.PING, "", Effect.FAIL),
        (EnginePacketKind.PONG, "", Effect.ALIVE),
        (EnginePacketKind.MESSAGE, "2[]", Effect.MESSAGE),
        (EnginePacketKind.UPGRADE, "", Effect.UPGRADE),
        (EnginePacketKind.CLOSE, "", Effect.END),
        (EnginePacketKind.OPEN, "{}", Effect.FAIL),
        (EnginePacketKind.NOOP, "", Effect.NOTHING),
    ],
)
def test_a_client_that_speaks_out_of_turn_fails(
    kind: EnginePacketKind, data: str, effect: Effect
) -> None:
    assert on_packet(EnginePacket(kind, data)) is effect
