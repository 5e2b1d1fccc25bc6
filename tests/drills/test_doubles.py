"""What explains a repeated push, on hand-written histories."""

from __future__ import annotations

import pytest

from workbench.drills.doubles import Double, Why, doubles
from workbench.drills.history import (
    Client,
    Connected,
    Disconnected,
    Event,
    History,
    MessageId,
    Pushed,
    Room,
)

ANN, BEN = Client("ann"), Client("ben")
ROOM, MESSAGE = Room("room"), MessageId("m")


def pushed(at_s: float, client: Client = ANN, message_id: MessageId = MESSAGE) -> Pushed:
    return Pushed(at_s, client, ROOM, message_id)


def beside(at_s: float) -> Pushed:
    return Pushed(at_s, ANN, Room("another"), MessageId("of another room"))


def came(at_s: float, recovered: bool, client: Client = ANN) -> Connected:
    return Connected(at_s, client, recovered)


def broke(at_s: float, client: Client = ANN) -> Disconnected:
    return Disconnected(at_s, client, "transport error")


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([came(0, False), pushed(1), pushed(3)], Why.REPEATED),
        ([came(0, False), pushed(1), broke(2, BEN), came(2, True, BEN), pushed(3)], Why.REPEATED),
        ([pushed(1), beside(1.5), broke(2), came(2.5, True), pushed(3)], Why.IN_FLIGHT),
        ([pushed(1), beside(1.5), broke(2), pushed(3), came(3.5, True)], Why.IN_FLIGHT),
        ([beside(0.5), pushed(1), broke(2), pushed(3), came(3.5, True)], Why.COVERED),
        ([pushed(1), broke(2), beside(2.5), pushed(3), came(3.5, True)], Why.COVERED),
        ([came(0, False), pushed(1), broke(2), came(2.5, False), pushed(3)], Why.NEW_SESSION),
        (
            [pushed(1), broke(1.1), came(1.2, True), broke(2), came(2.5, False), pushed(3)],
            Why.NEW_SESSION,
        ),
    ],
)
def test_what_happened_between_two_pushes_explains_them(events: list[Event], why: Why) -> None:
    assert doubles(History(events=tuple(events))) == (Double(ANN, MESSAGE, why, 2.0),)


def test_a_message_to_two_clients_or_two_messages_are_no_doubles() -> None:
    events = (pushed(0), pushed(0, BEN), pushed(1, message_id=MessageId("other")))
    assert doubles(History(events=events)) == ()


def test_a_third_push_is_compared_with_the_second() -> None:
    events = (pushed(0), beside(0.5), broke(1), came(2, True), pushed(3), pushed(4))
    assert [each.why for each in doubles(History(events=events))] == [Why.IN_FLIGHT, Why.REPEATED]
