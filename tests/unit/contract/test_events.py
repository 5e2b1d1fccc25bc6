"""Events: which one brings a log entry, and how they are read back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.contract import events, positions
from chalicelib.kernel import ids
from chalicelib.model.identifiers import MessageId, RoomId
from chalicelib.model.log import EntryKind
from tests.support.examples import ALICE, BOB, ENTRY, example

EVENTS = pytest.mark.parametrize("event", events.EVENTS.values(), ids=events.EVENTS)


@EVENTS
def test_it_comes_back_by_its_name(event: type[events.Event]) -> None:
    shown = example(event)
    assert events.of_data(event.name, shown.data()) == shown


def test_a_name_that_is_not_known_and_data_that_lack_a_field() -> None:
    with pytest.raises(KeyError):
        events.of_data("later", {})
    with pytest.raises(TypeError):
        events.of_data("ping", {})


@pytest.mark.parametrize(
    ("room_id", "event"),
    [
        ("lobby", events.MessageReceived),
        (ids.private_room_id(ALICE, BOB), events.MessageReceived),
        (ids.moments_room_id(ALICE), events.MomentPosted),
        (ids.notifications_room_id(ALICE), events.NotificationPosted),
    ],
)
def test_a_message_is_brought_by_the_event_of_its_kind_of_room(
    room_id: str, event: type[events.Event]
) -> None:
    brought = events.of_entry(replace(ENTRY, room_id=RoomId(room_id)))
    assert type(brought) is event
    assert brought.data()["content"] == ENTRY.content


def test_a_deletion_names_the_message_and_moves_the_position() -> None:
    deletion = replace(ENTRY, kind=EntryKind.DELETION, target_id=MessageId("0" * 26), content=None)
    brought = events.of_entry(deletion)
    assert isinstance(brought, events.MessageDeleted)
    assert (brought.message_id, brought.deleted_by) == ("0" * 26, ENTRY.sender_id)
    assert brought.position == positions.of(deletion)


def test_a_deleted_message_has_no_content() -> None:
    data = events.of_entry(replace(ENTRY, deleted=True)).data()
    assert (data["is_deleted"], data["content"]) == (True, None)


def test_only_delivery_receipts_ask_for_an_ack() -> None:
    for event in events.EVENTS.values():
        asks = example(event).ack_id is not None
        assert asks == (event is events.DeliveryReceipt), event
