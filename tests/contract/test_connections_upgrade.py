"""Connections that an earlier version stored, without a place in the index of buckets."""

from __future__ import annotations

from chalicelib.adapters.dynamodb import DynamoConnectionStore
from chalicelib.kernel.ids import user_bucket
from chalicelib.model.identifiers import ConnectionId
from tests.support.ministack import Ministack
from tests.support.stores import ANNA, NOW, connection

MINUTES_MS = 60_000


def forget_the_index(stack: Ministack, name: str) -> None:
    stack.client("dynamodb").update_item(
        TableName=f"{stack.prefix}-connections",
        Key={"connection_id": {"S": name}},
        UpdateExpression="REMOVE #bucket, due",
        ExpressionAttributeNames={"#bucket": "bucket"},
    )


def test_they_are_indexed_while_two_versions_may_run(ministack: Ministack) -> None:
    store = DynamoConnectionStore(ministack.client("dynamodb"), ministack.prefix)
    for name, at_ms, indexed in (
        ("old=", NOW, True),
        ("side-by-side=", NOW + 14 * MINUTES_MS, True),
        ("later=", NOW + 16 * MINUTES_MS, False),
    ):
        store.put(connection(name))
        forget_the_index(ministack, name)
        store.index_all(at_ms)
        found = {each.connection_id for each in store.in_bucket(user_bucket(ANNA))}
        assert (ConnectionId(name) in found) is indexed
        assert ConnectionId(name) in {each.connection_id for each in store.of_user(ANNA)}
    assert store.get(ConnectionId("#indexed")) is None
