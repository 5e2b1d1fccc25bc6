"""The figures of a drill, from hand-written histories."""

from __future__ import annotations

from workbench.drills.figures import connected_at, figures, spread
from workbench.drills.history import (
    Client,
    Connected,
    Disconnected,
    Event,
    History,
    MessageId,
    Pushed,
    Refusal,
    Room,
)

ANN, BEN, CY = Client("ann"), Client("ben"), Client("cy")
ROOM, MESSAGE = Room("room"), MessageId("m")


def of(*events: Event) -> History:
    return History(events=events)


def test_times_of_clients_that_lost_their_connections() -> None:
    found = figures(
        of(
            Connected(1.0, ANN),
            Connected(1.0, BEN),
            Disconnected(10.5, ANN, "why"),
            Refusal(11.0, ANN, "connect"),
            Disconnected(12.0, BEN, "why"),
            Connected(13.0, ANN),
            Connected(13.5, BEN),
            Disconnected(14.0, ANN, "again"),
            Connected(20.0, ANN),
        ),
        began_s=10.0,
        healed_s=12.0,
        converged_s=0.5,
    )
    assert found.detect_s == (0.5, 2.0)
    assert found.reconnect_s == (3.0, 3.5), "the first time that each is back"
    assert found.outage_s == (1.5, 2.5, 6.0), "each time that one was without"
    assert found.full_service_s == 3.5
    assert found.refusals == 1
    assert found.peak_connections_per_s == 2


def test_full_service_needs_everybody_and_everything() -> None:
    lost = Disconnected(10.5, ANN, "why")
    assert figures(of(lost), 10.0, 12.0, 0.5).full_service_s is None, "Ann is not back"
    back = of(lost, Connected(11.0, ANN))
    assert figures(back, 10.0, 12.0, None).full_service_s is None, "something was never seen"
    assert figures(back, 10.0, 12.0, 0.5).full_service_s == 2.5
    assert figures(of(), 10.0, 12.0, 0.0).full_service_s == 2.0


def test_what_happened_before_the_faults_is_not_counted() -> None:
    push = (ROOM, MESSAGE)
    history = of(
        Disconnected(1.0, CY, "why"),
        Refusal(1.5, CY, "send"),
        Connected(2.0, CY),
        Pushed(3.0, ANN, *push),
        Pushed(4.0, ANN, *push),
        Pushed(11.0, ANN, *push),
        Pushed(11.0, BEN, *push),
    )
    found = figures(history, 10.0, 12.0, 0.0)
    assert (found.detect_s, found.reconnect_s, found.refusals) == ((), (), 0)
    assert found.duplicates == 1
    assert found.peak_connections_per_s == 0


def test_a_peak_is_the_most_within_a_second() -> None:
    times = (10.0, 10.9, 11.0, 11.05, 11.9, 12.5)
    history = of(*(Connected(at_s, Client(f"c{at_s}")) for at_s in times))
    assert figures(history, 10.0, 10.0, 0.0).peak_connections_per_s == 4


def test_a_spread_of_nothing_and_of_something() -> None:
    assert set(spread(()).values()) == {None}
    assert spread((0.5,)) == {"p50": 0.5, "p99": 0.5, "max": 0.5}
    assert spread(tuple(map(float, range(101)))) == {"p50": 50.0, "p99": 99.0, "max": 100.0}


def test_where_clients_are_connected_in_the_end() -> None:
    history = of(
        Connected(1.0, ANN, host="a:1"),
        Connected(1.0, BEN, host="a:1"),
        Disconnected(2.0, ANN, "why"),
        Disconnected(2.0, BEN, "why"),
        Connected(3.0, ANN, host="b:1"),
    )
    assert connected_at(history) == {ANN: "b:1"}
