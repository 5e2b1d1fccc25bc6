"""The recorder: each call records one event at the present time."""

from __future__ import annotations

from workbench.drills.history import (
    Ack,
    Acked,
    Client,
    Connected,
    Cut,
    Disconnected,
    Failed,
    Key,
    MessageId,
    Pushed,
    Refusal,
    Room,
    Seen,
    Sent,
)
from workbench.drills.recorder import Recorder

ANN, ROOM, KEY, MESSAGE = Client("ann"), Room("room"), Key("k"), MessageId("m")


def test_each_call_is_an_event_in_order_and_what_was_shown_is_known() -> None:
    seconds = iter(range(100, 200))
    recorder = Recorder(lambda: float(next(seconds)))
    recorder.connected(ANN, True, "http://here:80/ws")
    recorder.sent(ANN, ROOM, KEY)
    recorder.acked(ANN, ROOM, KEY, Ack(MESSAGE, "global"))
    recorder.failed(ANN, ROOM, KEY, "why")
    recorder.pushed(ANN, ROOM, MESSAGE)
    assert recorder.seen == set()
    recorder.shown(ANN, ROOM, MESSAGE)
    recorder.cut("reset", "json")
    recorder.disconnected(ANN, "transport")
    recorder.refused(ANN, "send")
    assert recorder.events == [
        Connected(1.0, ANN, True, "here:80"),
        Sent(2.0, ANN, ROOM, KEY),
        Acked(3.0, ANN, ROOM, KEY, MESSAGE, "global"),
        Failed(4.0, ANN, ROOM, KEY, "why"),
        Pushed(5.0, ANN, ROOM, MESSAGE),
        Seen(6.0, ANN, ROOM, MESSAGE),
        Cut(7.0, "reset", "json"),
        Disconnected(8.0, ANN, "transport"),
        Refusal(9.0, ANN, "send"),
    ]
    assert recorder.seen == {(ANN, MESSAGE)}
