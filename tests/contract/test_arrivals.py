"""What the stores of another region write is read from a record of this region's streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoArrivals
from chalicelib.adapters.dynamodb.log import DynamoMessageLog
from chalicelib.kernel import ids
from chalicelib.model.log import Copy, EntryKind, Head
from chalicelib.model.presence import Presence, Status
from chalicelib.model.receipts import Marker, Reading
from chalicelib.model.replication import Arrival, Replicated, ReplicatedDedupe, ReplicatedMarker
from tests.support.ministack import Ministack
from tests.support.stores import (
    ANNA,
    BEN,
    EMPTY,
    HERE,
    LOBBY,
    NOW,
    THERE,
    Stores,
    member,
    message,
    on_dynamodb,
    room,
)


class Tables:
    """The stores of both regions on the same tables, and what a stream of one would report."""

    def __init__(self, stack: Ministack) -> None:
        self.client: Any = stack.client("dynamodb")
        self.prefix = stack.prefix
        self.here: Stores = on_dynamodb(self.client, stack.prefix, HERE, THERE)
        self.there: Stores = on_dynamodb(self.client, stack.prefix, THERE, HERE)
        self.alone: Stores = on_dynamodb(self.client, stack.prefix, THERE)
        self._arrivals = DynamoArrivals(stack.prefix, HERE)

    def records(self, table: str, name: str = "INSERT") -> Iterator[dict[str, Any]]:
        """A record for each item of the table."""
        full = f"{self.prefix}-{table}"
        arn = f"arn:aws:dynamodb:{HERE}:000000000000:table/{full}/stream/2026-11-29T00:00:00.000"
        for item in self.client.scan(TableName=full)["Items"]:
            data = {"NewImage": item, "ApproximateCreationDateTime": NOW / 1000 + 86_400}
            yield {"eventName": name, "eventSourceARN": arn, "dynamodb": data}

    def arrived(self, table: str, name: str = "INSERT") -> list[Arrival]:
        found = [self._arrivals.read(record) for record in self.records(table, name)]
        return [each for each in found if each is not None]

    def read(self, record: dict[str, Any]) -> Arrival | None:
        return self._arrivals.read(record)


@pytest.fixture
def tables(ministack: Ministack) -> Tables:
    return Tables(ministack)


def test_an_entry_and_its_dedupe_item(tables: Tables) -> None:
    entry = message(1, region=THERE)
    dedupe = ids.message_dedupe(entry.sender_id, "c1", THERE)
    tables.there.log.commit(entry, EMPTY, dedupe, NOW)
    tables.here.log.commit(message(1), EMPTY, ids.message_dedupe(ANNA, "c2", HERE), NOW)
    arrived = tables.arrived("messages")
    assert len(arrived) == 2
    assert entry in arrived
    assert ReplicatedDedupe(LOBBY, THERE, entry.message_id) in arrived
    assert tables.arrived("messages", "MODIFY") == [], "an entry changes by another entry"


def test_an_entry_that_this_region_has_just_written(tables: Tables) -> None:
    entry = message(1)
    tables.here.log.commit(entry, EMPTY, ids.message_dedupe(ANNA, "c1", HERE), NOW)
    found = []
    for age_s, name in ((0, "INSERT"), (200, "INSERT"), (600, "INSERT"), (0, "MODIFY")):
        for record in tables.records("messages", name):
            data = {**record["dynamodb"], "ApproximateCreationDateTime": NOW / 1000 + age_s}
            found.append((age_s, tables.read({**record, "dynamodb": data})))
    assert [each for each in found if each[1] is not None] == [(0, entry), (200, entry)]


def test_noted_copies_have_no_effect(tables: Tables) -> None:
    log = tables.there.log
    assert isinstance(log, DynamoMessageLog)
    copy = Copy(LOBBY, message(2).message_id, THERE, 2, message(1).message_id, HERE)
    log.note_copy(copy, ANNA, own=False)
    assert tables.arrived("messages") == []


def test_rooms_and_memberships(tables: Tables) -> None:
    tables.there.rooms.create(room(), [member(ANNA), member(BEN)])
    assert tables.arrived("rooms") == [Replicated("rooms", LOBBY)]
    assert set(map(str, tables.arrived("memberships", "MODIFY"))) == {
        str(Replicated("memberships", LOBBY, user)) for user in (ANNA, BEN)
    }
    tables.there.rooms.remove_member(LOBBY, BEN)
    assert Replicated("memberships", LOBBY, f"{BEN}#{THERE}") in tables.arrived("memberships")


def test_what_this_region_wrote_is_left_out(tables: Tables) -> None:
    tables.here.rooms.create(room(), [member(ANNA)])
    tables.here.friends.put(ANNA, BEN, NOW)
    tables.here.revocations.put(ANNA, NOW)
    tables.here.presence.choose(ANNA, HERE, Status.AWAY, NOW)
    for table in ("rooms", "memberships", "friends", "revocations", "presence"):
        assert tables.arrived(table) == [], table


def test_a_deployment_of_one_region_does_not_say_where_it_writes(tables: Tables) -> None:
    tables.alone.rooms.create(room(), [member(ANNA)])
    tables.alone.friends.put(ANNA, BEN, NOW)
    tables.alone.revocations.put(ANNA, NOW)
    for table in ("rooms", "memberships", "friends", "revocations"):
        for record in tables.records(table):
            assert "region" not in record["dynamodb"]["NewImage"], table


def test_friends_and_revocations(tables: Tables) -> None:
    tables.there.friends.put(ANNA, BEN, NOW)
    assert tables.arrived("friends") == [Replicated("friends", ANNA, BEN)]
    tables.there.revocations.put(ANNA, NOW)
    assert tables.arrived("revocations") == [Replicated("revocations", f"{ANNA}#{THERE}")]


def test_presence_and_not_what_was_announced_of_it(tables: Tables) -> None:
    presence = Presence(ANNA, THERE, Status.ONLINE, since_ms=NOW, version=1)
    tables.there.presence.change(presence, reset=False)
    [before] = tables.records("presence")
    assert tables.arrived("presence") == [Replicated("presence", ANNA, THERE)]
    tables.there.presence.announced(presence)
    [after] = tables.records("presence", "MODIFY")
    after["dynamodb"]["OldImage"] = before["dynamodb"]["NewImage"]
    assert tables.read(after) is None
    tables.there.presence.choose(ANNA, THERE, Status.AWAY, NOW)
    [chosen] = tables.records("presence", "MODIFY")
    chosen["dynamodb"]["OldImage"] = after["dynamodb"]["NewImage"]
    assert tables.read(chosen) == Replicated("presence", ANNA, THERE)


def test_a_deleted_item_has_no_effect(tables: Tables) -> None:
    tables.there.rooms.create(room(), [])
    [record] = tables.records("rooms", "REMOVE")
    record["dynamodb"]["OldImage"] = record["dynamodb"].pop("NewImage")
    assert tables.read(record) is None


def test_a_deletion_is_an_entry(tables: Tables) -> None:
    first = message(1, region=THERE)
    tables.there.log.commit(first, EMPTY, None, NOW)
    deletion = replace(
        message(2, region=THERE),
        kind=EntryKind.DELETION,
        content={"region": THERE, "seq": 1},
        target_id=first.message_id,
    )
    tables.there.log.commit(deletion, Head(1, first.message_id), None, NOW)
    assert deletion in tables.arrived("messages")


def test_a_marker_with_what_it_was(tables: Tables) -> None:
    first = Marker(ANNA, message(1).message_id, NOW, HERE, 1, {HERE: 1, THERE: 0})
    tables.there.markers.move(LOBBY, THERE, first)
    [before] = tables.records("reads")
    assert tables.read(before) == ReplicatedMarker(LOBBY, first, None)
    second = Marker(ANNA, message(2).message_id, NOW + 1, HERE, 2, {HERE: 2, THERE: 0})
    tables.there.markers.move(LOBBY, THERE, second)
    [after] = tables.records("reads", "MODIFY")
    after["dynamodb"]["OldImage"] = before["dynamodb"]["NewImage"]
    assert tables.read(after) == ReplicatedMarker(LOBBY, second, first)
    tables.there.markers.note(LOBBY, THERE, Reading(ANNA, second.message_id), large=True)
    assert len(tables.arrived("reads")) == 1, "who has read furthest is noted for readers only"
