"""What one version writes another reads: fields are added, unknown ones are left out."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from chalicelib.kernel import records
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind

TARGET = Target(
    ConnectionId("c="), UserId("alice"), "api", "prod", Region("us-east-1"), "sio:/", 5, "sid"
)
ENTRY = Entry(
    RoomId("lobby"), Region("us-east-1"), 3, MessageId("01"), EntryKind.MESSAGE, UserId("bob"), 7,
    content=None, deleted=True,
)  # fmt: skip


def test_they_come_back_as_they_were() -> None:
    assert records.target_to_json(TARGET) == list(astuple(TARGET)), "all fields, in their order"
    assert records.target_from_json(records.target_to_json(TARGET)) == TARGET
    assert records.entry_from_json(records.entry_to_json(ENTRY)) == ENTRY
    assert "reply_to_message_id" not in records.entry_to_json(ENTRY)


def test_unknown_fields_are_left_out() -> None:
    longer = [*records.target_to_json(TARGET), "later", {"and": "later"}]
    assert records.target_from_json(longer) == TARGET
    assert records.entry_from_json({**records.entry_to_json(ENTRY), "edited": True}) == ENTRY


def test_a_target_of_before_there_were_sids() -> None:
    before = records.target_from_json(records.target_to_json(TARGET)[:-2])
    assert (before.sid, before.takes_arrays) == ("", False)


@pytest.mark.parametrize("record", [[], ["c="], 7, None])
def test_a_target_that_is_none(record: object) -> None:
    with pytest.raises(TypeError):
        records.target_from_json(record)  # type: ignore[arg-type]
