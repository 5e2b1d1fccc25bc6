"""DynamoDB in this process, which counts the request units of what the product's adapters ask.

ministack's own handlers keep the items. What AWS charges follows from the items that an operation
touched: ministack tells that of writes, of its reads the sizes are taken here.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.adapters.aws.errors import error_answer
from chalicelib.kernel import consumption
from workbench.stack.resources import load

Item = dict[str, Any]

_READ_BYTES = 4096
_FILTERS = ("FilterExpression", "ProjectionExpression")
_numbers = itertools.count()


class DynamoDb:
    """The operations of `adapters.aws.services.DynamoDb`, on tables of this object alone.

    Attributes:
        prefix: Of the names of its tables.
        requests: How many were made.
        reads: Read request units so far: half a unit for 4 KB, a whole one if consistent.
        writes: Write request units so far: one for 1 KB, two in a transaction; also of indexes.
    """

    def __init__(self) -> None:
        self.prefix = f"count{next(_numbers)}"
        self.requests, self.reads, self.writes = 0, 0.0, 0.0
        for name, table in load()["tables"].items():
            self._ask("CreateTable", _definition(f"{self.prefix}-{name}", table))

    def get_item(self, **arguments: Any) -> Item:
        answer = self._read("GetItem", arguments)
        self._charge(_read_units([answer["Item"]] if "Item" in answer else [], arguments))
        return answer

    def batch_get_item(self, **arguments: Any) -> Item:
        """Each item is rounded up by itself; one that does not exist costs as a small one."""
        answer = self._read("BatchGetItem", arguments)
        for name, wanted in arguments["RequestItems"].items():
            found = answer["Responses"].get(name, [])
            self._charge(sum(_read_units([item], wanted) for item in found))
            self._charge((len(wanted["Keys"]) - len(found)) * _read_units([], wanted))
        return answer

    def query(self, **arguments: Any) -> Item:
        return self._pages("Query", arguments)

    def scan(self, **arguments: Any) -> Item:
        return self._pages("Scan", arguments)

    def put_item(self, **arguments: Any) -> Item:
        return self._write("PutItem", arguments)

    def update_item(self, **arguments: Any) -> Item:
        return self._write("UpdateItem", arguments)

    def delete_item(self, **arguments: Any) -> Item:
        return self._write("DeleteItem", arguments)

    def batch_write_item(self, **arguments: Any) -> Item:
        return self._write("BatchWriteItem", arguments)

    def transact_write_items(self, **arguments: Any) -> Item:
        return self._write("TransactWriteItems", arguments)

    def _read(self, operation: str, arguments: Mapping[str, Any]) -> Item:
        self.requests += 1
        return self._ask(operation, arguments)

    def _pages(self, operation: str, arguments: Mapping[str, Any]) -> Item:
        """A page; what a filter leaves out, or a projection cuts off, is paid for, too."""
        answer = self._read(operation, arguments)
        touched = answer
        if any(name in arguments for name in _FILTERS):
            touched = self._ask(operation, _without_filters(arguments))
        self._charge(_read_units(touched["Items"], arguments))
        return answer

    def _write(self, operation: str, arguments: Mapping[str, Any]) -> Item:
        self.requests += 1
        asked = {**arguments, "ReturnConsumedCapacity": "TOTAL"}
        try:
            answer = self._ask(operation, asked)
        except Exception:
            # A condition that fails is paid for as the write, of a small item here.
            self._charge(0.0, 2 * len(arguments.get("TransactItems", ())) or 1)
            raise
        found = answer.pop("ConsumedCapacity", [])
        each = found if isinstance(found, list) else [found]
        self._charge(0.0, sum(float(one["CapacityUnits"]) for one in each))
        return answer

    def _charge(self, reads: float, writes: float = 0.0) -> None:
        self.reads += reads
        self.writes += writes
        consumption.add(reads, writes)  # as the product's client does

    def _ask(self, operation: str, arguments: Mapping[str, Any]) -> Item:
        """An operation on ministack, as over HTTP."""
        from ministack.services import dynamodb

        target = {"x-amz-target": f"DynamoDB_20120810.{operation}"}
        course = dynamodb.handle_request("POST", "/", target, json.dumps(arguments).encode(), {})
        try:
            course.send(None)
        except StopIteration as ended:  # it never waits
            status, _, body = ended.value
        else:
            raise RuntimeError(f"{operation} waits")
        answer: Item = json.loads(body)
        if status < 300:
            return answer
        code = str(answer.get("__type", status)).rpartition("#")[2]
        reasons = answer.get("CancellationReasons", [])
        text = str(answer.get("message") or answer.get("Message") or "")
        raise error_answer(operation, code, status, text, "", reasons)


def item_bytes(item: Mapping[str, Any]) -> int:
    """The size of an item by which it is charged.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    [(kind, held)] = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return len(held.lstrip("-").replace(".", "").strip("0")) // 2 + 2
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(each.encode()) for each in held)
        case "L":
            return 3 + sum(1 + _value_bytes(each) for each in held)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(of) for name, of in held.items())
    raise ValueError(f"no size is known of the type {kind}")


def _read_units(items: Sequence[Mapping[str, Any]], arguments: Mapping[str, Any]) -> float:
    blocks = max(1, math.ceil(sum(map(item_bytes, items)) / _READ_BYTES))
    return blocks * (1.0 if arguments.get("ConsistentRead") else 0.5)


def _without_filters(arguments: Mapping[str, Any]) -> Item:
    """The same page without filter and projection; names and values that it used stay out."""
    asked = {name: value for name, value in arguments.items() if name not in _FILTERS}
    conditions = asked.get("KeyConditionExpression", "")
    for kind in ("ExpressionAttributeValues", "ExpressionAttributeNames"):
        used = {name: to for name, to in asked.pop(kind, {}).items() if name in conditions}
        asked |= {kind: used} if used else {}
    return asked


def _definition(name: str, table: Mapping[str, Any]) -> Item:
    made: Item = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _keys(table),
        "AttributeDefinitions": [
            {"AttributeName": each, "AttributeType": kind}
            for each, kind in table["attributes"].items()
        ],
    }
    indexes = [
        {
            "IndexName": index["name"],
            "KeySchema": _keys(index),
            "Projection": {"ProjectionType": "ALL"},
        }
        for index in table.get("indexes", [])
    ]
    return {**made, "GlobalSecondaryIndexes": indexes} if indexes else made


def _keys(table: Mapping[str, Any]) -> list[dict[str, str]]:
    kinds = {"hash_key": "HASH", "range_key": "RANGE"}
    return [
        {"AttributeName": table[key], "KeyType": kind}
        for key, kind in kinds.items()
        if key in table
    ]
