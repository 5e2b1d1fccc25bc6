"""A DynamoDB table and its item format: shared by all stores."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ...kernel.errors import Unavailable
from ...model.identifiers import Region
from ..aws.errors import ConditionFailed, TransactionCancelled, unavailable

Item = dict[str, Any]

# Says which region wrote an item; for the streams of its replicas.
BY = "region"
FAILED, CONFLICT = "ConditionalCheckFailed", "TransactionConflict"
_GET_ITEMS, _WRITE_ITEMS, _BATCH_TRIES = 100, 25, 6
_THROTTLED = {"ThrottlingError", "ProvisionedThroughputExceeded"}


def s(value: str) -> dict[str, str]:
    return {"S": value}


def n(value: int) -> dict[str, str]:
    return {"N": str(value)}


def integer(item: Item, name: str) -> int:
    return int(item.get(name, {"N": "0"})["N"])


def text(item: Item, name: str) -> str:
    return str(item.get(name, {"S": ""})["S"])


def written_by(regions: Sequence[Region]) -> Item:
    """The attribute that says which region writes; {} in a deployment of one.

    Args:
        regions: All of the deployment, its own first.
    """
    return {BY: s(regions[0])} if len(regions) > 1 else {}


class Table:
    """A DynamoDB table, by its full name. Queries and scans read all pages."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name

    def get(self, key: Item) -> Item | None:
        with unavailable("the store"):
            answer = self.client.get_item(TableName=self.name, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def put(self, item: Item, **more: Any) -> bool:
        """Put the item; False if a condition given in `more` failed."""
        return self._write(self.client.put_item, Item=item, **more) is not None

    def replace(self, item: Item) -> Item:
        """Put the item; return the attributes that it had before, {} if it is new."""
        answer = self._write(self.client.put_item, Item=item, ReturnValues="ALL_OLD") or {}
        attributes: Item = answer.get("Attributes", {})
        return attributes

    def update(self, key: Item, expression: str, values: Item, **more: Any) -> Item | None:
        """Update the item; return the answer, None if a condition given in `more` failed."""
        return self._write(
            self.client.update_item,
            Key=key,
            UpdateExpression=expression,
            ExpressionAttributeValues=values,
            **more,
        )

    def delete(self, key: Item) -> Item:
        """Delete the item; return its attributes, {} if it did not exist."""
        answer = self._write(self.client.delete_item, Key=key, ReturnValues="ALL_OLD") or {}
        attributes: Item = answer.get("Attributes", {})
        return attributes

    def query(self, **arguments: Any) -> Iterator[Item]:
        return self._pages(self.client.query, **arguments)

    def scan(self, **arguments: Any) -> Iterator[Item]:
        return self._pages(self.client.scan, **arguments)

    def batch_get(self, keys: Sequence[Item]) -> list[Item]:
        found: list[Item] = []
        for start in range(0, len(keys), _GET_ITEMS):
            wanted = {self.name: {"Keys": keys[start : start + _GET_ITEMS], "ConsistentRead": True}}
            for answer in self._all(self.client.batch_get_item, wanted, "UnprocessedKeys"):
                found += answer["Responses"].get(self.name, [])
        return found

    def batch_put(self, items: Sequence[Item]) -> None:
        for start in range(0, len(items), _WRITE_ITEMS):
            puts = [{"PutRequest": {"Item": item}} for item in items[start : start + _WRITE_ITEMS]]
            for _ in self._all(self.client.batch_write_item, {self.name: puts}, "UnprocessedItems"):
                pass

    def _all(self, call: Any, wanted: Item, left_over: str) -> Iterator[Item]:
        """The answers of a batch call; repeats it with backoff for unprocessed items."""
        for attempt in range(_BATCH_TRIES):
            if attempt:
                time.sleep(0.01 * 2**attempt)
            with unavailable("the store"):
                answer = call(RequestItems=wanted)
            yield answer
            wanted = answer.get(left_over) or {}
            if not wanted:
                return
        raise Unavailable("the store is overloaded, try again")

    def _write(self, call: Any, **arguments: Any) -> Item | None:
        try:
            with unavailable("the store"):
                answer: Item = call(TableName=self.name, **arguments)
                return answer
        except ConditionFailed:
            return None

    def _pages(self, call: Any, **arguments: Any) -> Iterator[Item]:
        limit = arguments.get("Limit")
        while True:
            with unavailable("the store"):
                page = call(TableName=self.name, **arguments)
            for item in page["Items"]:
                yield item
                if limit is not None:
                    limit -= 1
                    if limit <= 0:
                        return
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
            if limit is not None:
                arguments["Limit"] = limit


def cancelled(refusal: TransactionCancelled) -> Exception:
    """The error for a transaction that no condition cancelled: throttled, or unexpected."""
    if any(reason.get("Code") in _THROTTLED for reason in refusal.reasons):
        return Unavailable("the store is overloaded, try again")
    return refusal


def to_json(value: Any) -> str:
    """Compact JSON: as UTF-8, which is shorter than escapes, unless it cannot encode the text."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(value, separators=(",", ":"))
    return text
