"""The codecs against python-engineio and python-socketio, and against nonsense."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
import socketio.packet
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.wire import engineio as eio
from chalicelib.wire import socketio as sio

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1e"), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "_placeholder" not in repr(value))
NAMES = TEXT.filter(lambda name: name not in sio.RESERVED)
NAMESPACES = st.just("/") | st.text(string.ascii_letters, min_size=1).map(lambda name: f"/{name}")
IDS = st.none() | st.integers(0, 10**14)


@given(NAMESPACES, NAMES, st.lists(JSON, max_size=3), IDS)
def test_what_the_oracle_encodes_we_decode(
    namespace: str, name: str, arguments: list[Any], ack_id: int | None
) -> None:
    kind = socketio.packet.EVENT
    theirs = socketio.packet.Packet(kind, [name, *arguments], namespace, ack_id)
    text, *attachments = _parts(theirs.encode())
    ours = sio.decode(text)
    whole = sio.attach(ours, attachments) if ours.attachments else ours
    expected = sio.Packet(sio.PacketKind.EVENT, namespace, [name, *arguments], ack_id)
    assert whole == expected


@given(NAMESPACES, NAMES, st.lists(JSON, max_size=3), IDS)
def test_what_we_encode_the_oracle_decodes(
    namespace: str, name: str, arguments: list[Any], ack_id: int | None
) -> None:
    packet = sio.Packet(sio.PacketKind.EVENT, namespace, [name, *arguments], ack_id)
    text, *attachments = sio.encode(packet)
    theirs = socketio.packet.Packet(encoded_packet=text)
    for attachment in attachments:
        theirs.add_attachment(attachment)
    assert (theirs.namespace or "/", theirs.id) == (namespace, ack_id)
    assert theirs.data == [name, *arguments]


OBJECTS = st.dictionaries(TEXT, st.none() | st.integers(-(2**53), 2**53) | TEXT, max_size=3)
OTHERS = st.one_of(
    st.tuples(st.just(sio.PacketKind.CONNECT), st.none() | OBJECTS.filter(bool), st.none()),
    st.tuples(st.just(sio.PacketKind.DISCONNECT), st.none(), st.none()),
    st.tuples(st.just(sio.PacketKind.CONNECT_ERROR), OBJECTS.filter(bool), st.none()),
    st.tuples(st.just(sio.PacketKind.ACK), st.lists(JSON, max_size=3), st.integers(0, 10**14)),
)


@given(NAMESPACES, OTHERS)
def test_packets_of_all_other_types_are_the_oracle_s(
    namespace: str, packet: tuple[sio.PacketKind, Any, int | None]
) -> None:
    kind, data, ack_id = packet
    theirs = socketio.packet.Packet(int(kind), data, namespace, ack_id)
    text, *attachments = _parts(theirs.encode())
    ours = sio.decode(text)
    whole = sio.attach(ours, attachments) if ours.attachments else ours
    expected = sio.Packet(kind, namespace, data, ack_id)
    assert whole == expected
    text, *attachments = sio.encode(expected)
    theirs = socketio.packet.Packet(encoded_packet=text)
    for attachment in attachments:
        theirs.add_attachment(attachment)
    assert (theirs.namespace or "/", theirs.id, theirs.data) == (namespace, ack_id, data)


def _parts(encoded: Any) -> list[Any]:
    return encoded if isinstance(encoded, list) else [encoded]


FRAMES = st.text(st.sampled_from('0123456b"[]{}-/,:_placeholdernum \\x1e'), max_size=40) | st.text()


@given(FRAMES)
def test_nonsense_is_a_protocol_error_and_nothing_else(text: str) -> None:
    for decode in (eio.decode_text, eio.decode_payload, sio.decode):
        try:
            found = decode(text)  # type: ignore[operator]
        except eio.ProtocolError:
            continue
        if isinstance(found, sio.Packet) and found.attachments:
            try:
                sio.attach(found, [b"x"] * found.attachments)
            except eio.ProtocolError:
                continue


@pytest.mark.parametrize(
    "text",
    [
        *("2[NaN]", '2["e",Infinity]', "2" + "[" * 50_000, "533-[]", '1{"a":1}', "0[]", "21"),
        *('2["connect"]', "3{}", "2[]", "2[1]", '5["e"]', "7", ""),
    ],
)
def test_packets_that_are_none(text: str) -> None:
    with pytest.raises(eio.ProtocolError):
        sio.decode(text)


@pytest.mark.parametrize("number", [-1, 1, True, "0", None, 0.0])
def test_placeholders_that_name_nothing(number: Any) -> None:
    hole = json.dumps({"_placeholder": True, "num": number})
    with pytest.raises(eio.ProtocolError):
        sio.attach(sio.decode(f'51-["e",{hole}]'), [b"x"])
