"""An emulator's stream of a table, read as Lambda does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from operate.clients import client
from operate.keys import Keys, make
from workbench.stack.children import free_port, start_ministack
from workbench.stack.regions.endpoint import Records, ReplicaError
from workbench.stack.table_streams import TableStreams

REGION = "us-east-1"
VIEW = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


@dataclass
class Here:
    url: str
    keys: Keys
    dynamodb: Any

    def table(self, name: str, **more: Any) -> str:
        self.dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            **more,
        )
        return name

    def put(self, table: str, *names: str) -> None:
        for name in names:
            self.dynamodb.put_item(TableName=table, Item={"id": {"S": name}})


@pytest.fixture(scope="module")
def here() -> Iterator[Here]:
    port, keys = free_port(), make()
    child = start_ministack(port, REGION, services=("dynamodb", "dynamodbstreams"), keys=keys)
    url = f"http://127.0.0.1:{port}"
    yield Here(url, keys, client("dynamodb", url, REGION, keys))
    child.stop()


def ids(read: Records) -> list[str]:
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in read.records]


def test_it_is_read_from_its_beginning_and_once(here: Here) -> None:
    table = here.table("read", StreamSpecification=VIEW)
    here.put(table, "a", "b", "c")

    async def reading() -> None:
        streams = TableStreams(here.url, REGION, here.keys)
        try:
            first = await streams.stream(table, None, 0, most=2, wait_s=0)
            second = await streams.stream(table, first.stream, first.next, most=2, wait_s=0)
            assert (ids(first), ids(second)) == (["a", "b"], ["c"])
            assert all(each["eventSourceARN"] == first.stream for each in first.records)
            assert f"/{table}/stream/" in first.stream
            assert first.records[0]["eventName"] == "INSERT"
            assert "NewImage" in first.records[0]["dynamodb"]
            nothing = await streams.stream(table, first.stream, second.next, most=2, wait_s=0)
            assert ids(nothing) == []
            waiting = asyncio.create_task(
                streams.stream(table, first.stream, second.next, most=2, wait_s=20)
            )
            await asyncio.to_thread(here.put, table, "d")
            assert ids(await waiting) == ["d"]
        finally:
            await streams.close()

    asyncio.run(reading())


def test_a_place_that_is_refused_is_begun_again(here: Here) -> None:
    table = here.table("begun", StreamSpecification=VIEW)
    here.put(table, "a")

    async def reading() -> None:
        streams = TableStreams(here.url, REGION, here.keys)
        try:
            await streams.stream(table, None, 0, most=10, wait_s=0)
            streams._places[table].iterator = "no iterator"
            with pytest.raises(ReplicaError, match="begins again"):
                await streams.stream(table, None, 0, most=10, wait_s=0)
            assert ids(await streams.stream(table, None, 0, most=10, wait_s=0)) == ["a"]
        finally:
            await streams.close()

    asyncio.run(reading())


def test_one_that_does_not_answer_keeps_its_place(here: Here) -> None:
    table = here.table("kept", StreamSpecification=VIEW)
    here.put(table, "a")

    async def reading() -> None:
        streams = TableStreams(here.url, REGION, here.keys)
        try:
            await streams.stream(table, None, 0, most=10, wait_s=0)
            url, streams._calls._url = streams._calls._url, f"http://127.0.0.1:{free_port()}"
            with pytest.raises(ReplicaError):
                await streams.stream(table, None, 0, most=10, wait_s=0)
            streams._calls._url = url
            here.put(table, "b")
            assert ids(await streams.stream(table, None, 0, most=10, wait_s=0)) == ["b"]
        finally:
            await streams.close()

    asyncio.run(reading())


def test_a_table_without_a_stream_says_so(here: Here) -> None:
    table = here.table("none")

    async def reading() -> None:
        streams = TableStreams(here.url, REGION, here.keys)
        try:
            with pytest.raises(ReplicaError, match="none has no stream"):
                await streams.stream(table, None, 0, most=10, wait_s=0)
        finally:
            await streams.close()

    asyncio.run(reading())
