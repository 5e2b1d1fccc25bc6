"""The codec of Engine.IO against python-engineio."""

from __future__ import annotations

import engineio.packet
import engineio.payload
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.wire import engineio as eio

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1e"), max_size=20)
PACKETS = st.builds(
    eio.EnginePacket,
    st.sampled_from([eio.EnginePacketKind.MESSAGE, eio.EnginePacketKind.PING]),
    TEXT,
) | st.builds(eio.EnginePacket, st.just(eio.EnginePacketKind.MESSAGE), st.binary(max_size=20))


@given(PACKETS)
def test_engineio_packets_are_the_oracle_s(packet: eio.EnginePacket) -> None:
    theirs = engineio.packet.Packet(encoded_packet=eio.encode_text(packet))
    assert (theirs.packet_type, theirs.binary) == (
        int(packet.kind),
        isinstance(packet.data, bytes),
    )
    assert eio.decode_text(eio.encode_text(packet)) == packet
    data = packet.data if packet.data != "" else None
    ours = engineio.packet.Packet(int(packet.kind), data).encode(b64=True)
    assert eio.decode_text(ours) == packet


@given(st.lists(PACKETS, min_size=1, max_size=8))
def test_payloads_are_the_oracle_s(packets: list[eio.EnginePacket]) -> None:
    encoded = eio.encode_payload(packets)
    theirs = engineio.payload.Payload(encoded_payload=encoded).packets
    assert [each.packet_type for each in theirs] == [int(each.kind) for each in packets]
    assert engineio.payload.Payload(packets=theirs).encode() == encoded or any(
        isinstance(each.data, str) and each.data for each in packets
    )
    assert eio.decode_payload(encoded) == packets
