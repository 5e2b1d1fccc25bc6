"""Many writers of one room on real Redis and DynamoDB."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoMessageLog
from chalicelib.adapters.system import SystemClock, SystemIds
from chalicelib.messaging.appending import Appender
from chalicelib.model.identifiers import ConnectionId, MessageId, UserId
from chalicelib.model.lines import Fate, Settled
from chalicelib.model.log import Entry, EntryKind
from tests.support.cache import EAST, ROOM, Rig
from tests.support.ministack import Distorted, Ministack
from tests.support.threads import at_once

WRITERS = 32


@pytest.mark.parametrize("backend", ["valkey", "cluster"], indirect=True)
def test_all_are_written_once_in_order_with_few_transactions(
    rig: Rig, ministack: Ministack
) -> None:
    dynamodb = Distorted(ministack.client("dynamodb"))
    log = DynamoMessageLog(dynamodb, ministack.prefix)
    appender = Appender(log, rig.cache, SystemClock(), SystemIds(), EAST)

    def append(number: int) -> Settled:
        fields: dict[str, Any] = {"timestamp_ms": 0, "content": {"n": number}}
        sender = UserId(f"user{number}")
        draft = Entry(ROOM, EAST, 0, MessageId(""), EntryKind.MESSAGE, sender, **fields)
        turn = rig.cache.frame(ConnectionId("x="), ROOM, EAST).turn if number % 2 else None
        return appender.append(draft, None, turn)

    ends = at_once(WRITERS, append)
    entries = log.after(ROOM, EAST, MessageId(""), 100)
    assert [entry.seq for entry in entries] == list(range(1, WRITERS + 1))
    stored = {entry.content["n"]: entry.message_id for entry in entries}
    assert {end.fate for end in ends} <= {Fate.COMMITTED, Fate.DUPLICATE}
    assert stored == {number: end.at.message_id for number, end in enumerate(ends) if end.at}
    assert dynamodb.operations().count("transact_write_items") <= 1.5 * WRITERS
