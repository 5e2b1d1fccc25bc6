"""A drill's course as numbers over time."""

from __future__ import annotations

from workbench.drills.history import (
    Acked,
    Client,
    Connected,
    Cut,
    Disconnected,
    History,
    Key,
    MessageId,
    Refusal,
    Room,
    Seen,
)
from workbench.drills.timelines import timelines

ANN, BEN, ROOM, MESSAGE = Client("ann"), Client("ben"), Room("room"), MessageId("m")
HOME = {ANN: "here", BEN: "there"}
REGION_OF = {"h:1": "here", "t:1": "there"}


def test_clients_are_counted_where_they_are_connected() -> None:
    events = (
        Connected(1.0, ANN, host="h:1"),
        Connected(2.0, BEN, host="t:1"),
        Disconnected(3.0, ANN, "why"),
        Connected(4.0, ANN, host="t:1"),
        Disconnected(5.0, BEN, "why"),
        Disconnected(5.0, BEN, "told twice"),
    )
    found = timelines(History(events=events), HOME, REGION_OF).connected
    assert found["here"] == ((0.0, 0), (1.0, 1), (3.0, 0))
    assert found["there"] == ((0.0, 0), (2.0, 1), (4.0, 2), (5.0, 1))


def test_rates_are_those_of_the_region_where_the_client_is() -> None:
    events = (
        Refusal(0.5, ANN, "connect"),
        Connected(1.0, ANN, host="t:1"),
        Acked(2.1, ANN, ROOM, Key("k"), MESSAGE),
        Acked(2.9, BEN, ROOM, Key("l"), MESSAGE),
        Seen(3.0, ANN, ROOM, MESSAGE),
        Cut(3.5, "reset", "json"),
        Refusal(4.0, Client("stranger"), "connect"),
    )
    found = timelines(History(events=events), HOME, REGION_OF)
    assert (found.end_s, found.bin_s) == (4.0, 1.0)
    assert found.rates["refusals and failures"]["here"] == (1.0, 0.0, 0.0, 0.0, 0.0)
    assert found.rates["sends acked"] == {
        "here": (0.0,) * 5,
        "there": (0.0, 0.0, 2.0, 0.0, 0.0),
    }
    assert found.rates["messages shown"]["there"] == (0.0, 0.0, 0.0, 1.0, 0.0)


def test_a_long_drill_has_few_bins_and_an_empty_one_some() -> None:
    long = timelines(History(events=(Connected(600.0, ANN),)), HOME, {})
    assert len(long.rates["sends acked"]["here"]) <= 151
    assert long.connected["here"][-1] == (600.0, 1), "a client at an unknown host is at home"
    assert timelines(History(), HOME, {}).end_s > 0
