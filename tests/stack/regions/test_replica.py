"""A replica's log, and what it takes from others: with an emulator's DynamoDB behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from operate.clients import client
from operate.keys import Keys, make
from workbench.stack.children import free_port, start_ministack
from workbench.stack.regions.changes import Change, ItemKey, Version
from workbench.stack.regions.endpoint import ReplicaEndpoint

REGION = "eu-west-1"
TABLES = {"items": ("id",)}
IMAGES = ("OldImage", "NewImage")


@dataclass
class Here:
    url: str
    keys: Keys
    dynamodb: Any
    endpoint: ReplicaEndpoint = field(init=False)

    def put(self, name: str, value: str) -> None:
        item = {"id": {"S": name}, "value": {"S": value}}
        self.dynamodb.put_item(TableName="items", Item=item)

    def value(self, name: str) -> str | None:
        item = self.dynamodb.get_item(TableName="items", Key={"id": {"S": name}}).get("Item")
        return item["value"]["S"] if item else None


@pytest.fixture(scope="module")
def emulator() -> Iterator[Here]:
    port, keys = free_port(), make()
    child = start_ministack(
        port, REGION, services=("dynamodb", "dynamodbstreams"), keys=keys, global_tables=TABLES
    )
    url = f"http://127.0.0.1:{port}"
    dynamodb = client("dynamodb", url, REGION, keys)
    for table in ("items", "regional"):
        dynamodb.create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
    yield Here(url, keys, dynamodb)
    child.stop()


@pytest.fixture
async def here(emulator: Here) -> Any:
    emulator.endpoint = ReplicaEndpoint(emulator.url, REGION, emulator.keys)
    yield emulator
    await emulator.endpoint.close()


async def end(here: Here) -> int:
    return (await here.endpoint.changes(None)).next


def place(name: str) -> ItemKey:
    return ItemKey.of("items", ("id",), {"id": {"S": name}})


def from_elsewhere(name: str, value: str | None, at_ns: int) -> Change:
    item = None if value is None else {"id": {"S": name}, "value": {"S": value}}
    return Change(place(name), Version(at_ns, "us-east-1"), item)


def images(record: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The values before and after."""
    data = record["dynamodb"]
    before, after = (data[name]["value"]["S"] if name in data else None for name in IMAGES)
    return before, after


async def test_every_kind_of_write_is_in_the_log_as_it_has_left_the_item(here: Here) -> None:
    start = await end(here)
    dynamodb, key = here.dynamodb, {"id": {"S": "a"}}
    here.put("a", "1")
    dynamodb.update_item(
        TableName="items",
        Key=key,
        UpdateExpression="SET #v = :v",
        ExpressionAttributeNames={"#v": "value"},
        ExpressionAttributeValues={":v": {"S": "2"}},
    )
    dynamodb.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "items", "Item": {"id": {"S": "b"}, "value": {"S": "3"}}}},
            {"Delete": {"TableName": "items", "Key": key}},
        ]
    )
    dynamodb.put_item(TableName="regional", Item={"id": {"S": "x"}})
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(
            TableName="items",
            Item={"id": {"S": "b"}},
            ConditionExpression="attribute_not_exists(id)",
        )
    batch = await here.endpoint.changes(start)
    seen = [(c.place.attributes["id"]["S"], c.item and c.item["value"]["S"]) for c in batch.changes]
    assert seen == [("a", "1"), ("a", "2"), ("b", "3"), ("a", None)]
    assert {change.version.region for change in batch.changes} == {REGION}
    assert await end(here) == batch.next == start + 4


async def test_who_waits_is_answered_at_the_write(here: Here) -> None:
    start = await end(here)
    timer = threading.Timer(0.1, here.put, ("waited", "1"))
    timer.start()
    batch = await here.endpoint.changes(start, wait_s=15.0)
    timer.join()
    assert [change.place for change in batch.changes] == [place("waited")]


async def test_the_later_write_stays_wherever_it_was_made(here: Here) -> None:
    here.put("lww", "mine")
    assert await here.endpoint.apply([from_elsewhere("lww", "before", 1)]) == 0
    assert here.value("lww") == "mine"
    far = 4_000_000_000_000_000_000
    assert await here.endpoint.apply([from_elsewhere("lww", "after", far)]) == 1
    assert here.value("lww") == "after"
    assert await here.endpoint.apply([from_elsewhere("lww", None, far - 1)]) == 0
    assert await here.endpoint.apply([from_elsewhere("lww", None, far + 1)]) == 1
    assert here.value("lww") is None
    assert await here.endpoint.apply([from_elsewhere("lww", "after", far)]) == 0, "it is deleted"
    here.put("lww", "again")
    assert here.value("lww") == "again"


async def test_a_copy_is_in_the_replica_s_stream_and_not_in_its_log(here: Here) -> None:
    start = await end(here)
    await here.endpoint.apply([from_elsewhere("copied", "1", 5)])
    assert await end(here) == start
    streams = client("dynamodbstreams", here.url, REGION, here.keys)
    arn = here.dynamodb.describe_table(TableName="items")["Table"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    assert any(r["dynamodb"]["Keys"]["id"]["S"] == "copied" for r in records)


async def test_what_others_have_written_is_in_the_table_s_stream_for_functions(here: Here) -> None:
    start = await here.endpoint.stream("items", None, 0, most=10_000, wait_s=0.0)
    here.put("streamed", "mine")
    far = 4_000_000_000_000_000_000
    for value, at_ns in (("1", far), ("late", far - 1), (None, far + 1), ("2", far + 2)):
        await here.endpoint.apply([from_elsewhere("streamed", value, at_ns)])
    batch = await here.endpoint.stream("items", start.stream, start.next, most=10, wait_s=0.0)
    assert [(each["eventName"], *images(each)) for each in batch.records] == [
        ("MODIFY", "mine", "1"),
        ("REMOVE", "1", None),
        ("INSERT", None, "2"),
    ]
    assert (batch.next, batch.missed) == (start.next + 3, 0)


async def test_of_its_own_writes_the_stream_has_those_for_another_region(here: Here) -> None:
    """An entry that was kept from a copy names the region that has sent it."""
    start = await here.endpoint.stream("items", None, 0, most=10_000, wait_s=0.0)
    for name, by in (("ours", REGION), ("theirs", "us-east-1"), ("theirs", "us-east-1")):
        item = {"id": {"S": name}, "value": {"S": by}, "region": {"S": by}}
        here.dynamodb.put_item(TableName="items", Item=item)
    batch = await here.endpoint.stream("items", start.stream, start.next, most=10, wait_s=0.0)
    assert [(each["eventName"], *images(each)) for each in batch.records] == [
        ("INSERT", None, "us-east-1")
    ]


async def test_who_waits_for_records_is_answered_when_one_is_applied(here: Here) -> None:
    start = await here.endpoint.stream("items", None, 0, most=10_000, wait_s=0.0)
    waiting = asyncio.create_task(
        here.endpoint.stream("items", start.stream, start.next, most=10, wait_s=15.0)
    )
    other = ReplicaEndpoint(here.url, REGION, here.keys)
    assert await other.apply([from_elsewhere("awaited", "1", 5)]) == 1
    await other.close()
    [record] = (await waiting).records
    assert record["dynamodb"]["Keys"] == {"id": {"S": "awaited"}}


async def test_what_comes_back_to_a_region_that_had_lost_it_is_its_own_again(here: Here) -> None:
    start = await end(here)
    mine = Change(place("lost"), Version(9, REGION), {"id": {"S": "lost"}, "value": {"S": "1"}})
    assert await here.endpoint.apply([mine]) == 1
    assert (await here.endpoint.changes(start)).changes == (mine,)


async def test_everything_is_given_to_who_has_nothing(here: Here) -> None:
    here.put("all", "1")
    here.dynamodb.delete_item(TableName="items", Key={"id": {"S": "all"}})
    here.put("all2", "2")
    for after in (None, 1_000_000):
        batch = await here.endpoint.changes(after)
        found = {change.place: change.item for change in batch.changes}
        assert found[place("all")] is None
        assert found[place("all2")] == {"id": {"S": "all2"}, "value": {"S": "2"}}
        assert batch.next == await end(here)
