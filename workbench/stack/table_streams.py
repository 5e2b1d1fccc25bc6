"""Streams of an emulator's tables, read as Lambda's pollers do.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from operate.keys import Keys

from .regions.endpoint import Records, ReplicaError
from .signed import NoAnswer, SignedCalls

_STREAMS, _TABLES = "DynamoDBStreams_20120810", "DynamoDB_20120810"
POLL_S = 0.25  # Lambda reads a shard four times a second
_PATIENCE_S = 10.0


class _RefusedError(ReplicaError):
    """It answered, but not with what was asked for."""


@dataclass(slots=True)
class _Place:
    """Where a stream is read next."""

    arn: str
    iterator: str
    read: int = 0


class TableStreams:
    """A source of records of tables whose streams have one shard, as emulators' have; see `Source`.

    A stream is read from its beginning, once. Who asks has handled what was given before.
    """

    def __init__(self, endpoint_url: str, region: str, keys: Keys) -> None:
        self._calls = SignedCalls(endpoint_url, "dynamodb", region, keys)
        self._places: dict[str, _Place] = {}

    async def stream(
        self, table: str, stream: str | None, after: int, *, most: int, wait_s: float
    ) -> Records:
        """The next records of a table, as Lambda passes them on.

        Raises:
            ReplicaError: There is no answer, or the table has no stream.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            place = self._places.get(table) or await self._open(table)
            try:
                answer = await self._ask(
                    _STREAMS, "GetRecords", ShardIterator=place.iterator, Limit=most
                )
                place.iterator = answer["NextShardIterator"]
            except (_RefusedError, KeyError) as fault:
                # An iterator expires, or its shard was closed. What is read again does no harm.
                del self._places[table]
                raise ReplicaError(f"the stream of {table} begins again: {fault}") from fault
            records = [{**each, "eventSourceARN": place.arn} for each in answer["Records"]]
            place.read += len(records)
            if records or loop.time() >= until:
                return Records(place.arn, place.read, 0, tuple(records))
            await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        await self._calls.close()

    async def _open(self, table: str) -> _Place:
        described = await self._ask(_TABLES, "DescribeTable", TableName=table)
        arn = described["Table"].get("LatestStreamArn")
        if arn is None:
            raise ReplicaError(f"{table} has no stream")
        found = await self._ask(_STREAMS, "DescribeStream", StreamArn=arn)
        shards = found["StreamDescription"]["Shards"]
        if len(shards) != 1:
            raise ReplicaError(f"the stream of {table} has {len(shards)} shards; one is read")
        start = {"ShardId": shards[0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        begun = await self._ask(_STREAMS, "GetShardIterator", StreamArn=arn, **start)
        place = self._places[table] = _Place(arn, begun["ShardIterator"])
        return place

    async def _ask(self, api: str, operation: str, **request: Any) -> Mapping[str, Any]:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"{api}.{operation}",
        }
        try:
            answer = await self._calls.post("/", json.dumps(request).encode(), headers, _PATIENCE_S)
        except (NoAnswer, TimeoutError) as fault:
            raise ReplicaError(f"{type(fault).__name__}: {fault}") from fault
        if answer.status != 200:
            raise _RefusedError(f"{answer.status} {answer.body[:300].decode(errors='replace')}")
        found: Mapping[str, Any] = json.loads(answer.body)
        return found
