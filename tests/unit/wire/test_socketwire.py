"""Which namespace gets which events, and how: offset last, the ack's number in front."""

from __future__ import annotations

import json

import pytest

from chalicelib import wire
from chalicelib.contract import events
from chalicelib.wire import socketio, socketwire
from tests.support.examples import example

OF_ALL = {"token_expiring", "reconnect", "session", "delivery_receipt"}


@pytest.mark.parametrize(
    ("namespace", "others"),
    [
        (socketwire.MOMENTS, {"moment_posted"}),
        (socketwire.NOTIFICATIONS, {"notification"}),
        (socketio.MAIN, set(events.EVENTS) - {"ping"}),
        ("/of-an-app", set(events.EVENTS) - {"ping"}),
    ],
)
def test_a_namespace_gets_its_own_and_what_concerns_the_connection(
    namespace: str, others: set[str]
) -> None:
    taken = {name for name in events.EVENTS if socketwire.takes(namespace, name)}
    assert taken == others | (OF_ALL & set(events.EVENTS))


@pytest.mark.parametrize("event", events.EVENTS.values(), ids=events.EVENTS)
def test_an_event_as_a_text_frame(event: type[events.Event]) -> None:
    shown = example(event)
    frame = socketwire.encode_event("/", shown)
    if event is events.Ping:
        assert frame is None
        return
    assert frame is not None
    number = "" if shown.ack_id is None else shown.ack_id
    assert frame.decode() == f"42{number}" + json.dumps([event.name, shown.data()]).replace(
        ", ", ","
    ).replace(": ", ":")


def test_an_offset_comes_last() -> None:
    frame = socketwire.encode_event("/moments", example(events.MomentPosted))
    assert frame is not None
    name, data = json.loads(frame.decode().removeprefix("42/moments,"))
    shown = socketwire.with_offset(frame, 'off"set').decode()
    assert json.loads(shown.removeprefix("42/moments,")) == [name, data, 'off"set']


def test_a_protocol_names_its_namespace_and_whether_its_sockets_recover() -> None:
    for recovers in (True, False):
        protocol = wire.of_namespace("/moments", recovers)
        assert wire.namespace(protocol) == "/moments"
        assert wire.recovers(protocol) is recovers
        assert not wire.is_json(protocol)
        assert wire.takes(protocol, "moment_posted")
        assert not wire.takes(protocol, "message_received")
    assert wire.is_json(wire.JSON)
    assert not wire.recovers(wire.JSON)
    assert wire.takes(wire.JSON, "ping")
