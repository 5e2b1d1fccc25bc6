"""Every operation's request is botocore's: its body, its headers and its signature."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters import aws
from chalicelib.adapters.aws.query import Sns
from chalicelib.adapters.aws.services import DynamoDb, SecretsManager, Sqs
from chalicelib.adapters.dynamodb.connections import connection_item
from chalicelib.adapters.dynamodb.log_items import dedupe_item, entry_item
from chalicelib.adapters.dynamodb.table import integer, n, s, text
from chalicelib.model.identifiers import RoomId
from tests.support.aws_clients import KEYS, Maker
from tests.support.hostile import Hostile, Received, answer
from tests.support.stores import connection, message

KINDS = {"dynamodb": DynamoDb, "sqs": Sqs, "secretsmanager": SecretsManager, "sns": Sns}
COMPARED = ("authorization", "content-type", "x-amz-target", "x-amzn-query-mode", "accept-encoding")
COMPARED += ("x-amz-security-token", "content-length", "host")
ODD = 'é 你好 🙂 \u2028 \ud800 " \\ ~*&=+/ \x00'
KEY = {"k": {"S": ODD}, "n": {"N": "-12"}}
ITEM = {
    **KEY,
    "yes": {"BOOL": True},
    "list": {"L": [{"S": "a"}, {"N": "1"}]},
    "map": {"M": {"a": {"S": ""}, "b": {"M": {}}}},
    "set": {"SS": ["a", "b"]},
}
NAMED: dict[str, Any] = {
    "ExpressionAttributeNames": {"#k": "k"},
    "ExpressionAttributeValues": {":v": {"N": "1"}},
}
PUT = {"Put": {"TableName": "t", "Item": ITEM, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}
URL = "https://sqs.us-east-1.amazonaws.com/123456789012/q.fifo"
ENTRY = {"Id": "0", "MessageBody": ODD.replace("\ud800", ""), "MessageGroupId": "g"}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "get_item", {"TableName": "t", "Key": KEY, "ConsistentRead": True}),
    ("dynamodb", "put_item", {"TableName": "t", "Item": ITEM, "ConditionExpression": "x"}),
    ("dynamodb", "delete_item", {"TableName": "t", "Key": KEY, "ReturnValues": "ALL_OLD"}),
    ("dynamodb", "update_item", {"TableName": "t", "Key": KEY, "UpdateExpression": "x", **NAMED}),
    ("dynamodb", "query", {"TableName": "t", "KeyConditionExpression": "x", "Limit": 2, **NAMED}),
    ("dynamodb", "query", {"TableName": "t", "IndexName": "i", "ScanIndexForward": False}),
    ("dynamodb", "scan", {"TableName": "t", "ExclusiveStartKey": KEY, **NAMED}),
    ("dynamodb", "batch_get_item", {"RequestItems": {"t": {"Keys": [KEY]}}}),
    ("dynamodb", "batch_write_item", {"RequestItems": {"t": [{"PutRequest": {"Item": ITEM}}]}}),
    ("dynamodb", "transact_write_items", {"TransactItems": [PUT]}),
    ("sqs", "get_queue_url", {"QueueName": "q.fifo"}),
    ("sqs", "get_queue_attributes", {"QueueUrl": URL, "AttributeNames": ["All"]}),
    ("sqs", "send_message", {"QueueUrl": URL, "MessageBody": "é", "DelaySeconds": 0}),
    ("sqs", "send_message_batch", {"QueueUrl": URL, "Entries": [ENTRY]}),
    ("sqs", "change_message_visibility",
     {"QueueUrl": URL, "ReceiptHandle": "r", "VisibilityTimeout": 7}),
    ("sqs", "delete_message_batch",
     {"QueueUrl": URL, "Entries": [{"Id": "0", "ReceiptHandle": "r"}]}),
    ("secretsmanager", "get_secret_value", {"SecretId": "arn:x"}),
    ("sns", "publish", {
        "TopicArn": "arn:x", "Message": ODD.replace("\ud800", ""),
        "MessageAttributes": {"to": {"DataType": "String.Array", "StringValue": '["eu-west-1"]'}},
    }),
]  # fmt: skip


def at_ms(request: Received) -> int:
    date = datetime.datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
    return int(date.replace(tzinfo=datetime.UTC).timestamp()) * 1000


@pytest.mark.parametrize(("service", "operation", "arguments"), CALLS)
def test_its_request_is_botocore_s(
    make: Maker, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    xml = b"<PublishResponse><PublishResult/></PublishResponse>"
    more = {"ClientRequestToken": "T"} if operation == "transact_write_items" else {}
    more |= {"ReturnConsumedCapacity": "TOTAL"} if service == "dynamodb" else {}
    make.ids.token = lambda: "T"  # type: ignore[method-assign]
    with Hostile(*[answer(xml if service == "sns" else b"{}")] * 2) as server:
        theirs = boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id=KEYS.access_key,
            aws_secret_access_key=KEYS.secret_key,
            aws_session_token=KEYS.token,
            config=Config(parameter_validation=False),
        )
        getattr(theirs, operation)(**arguments, **more)
        theirs.close()
        make.clock.ms = at_ms(server.received[0])
        getattr(make(server.url, KINDS[service]), operation)(**arguments)
        wanted, found = server.received
    assert found.line == wanted.line
    assert found.body == wanted.body
    for name in COMPARED:
        assert found.headers.get(name) == wanted.headers.get(name), name


def test_the_operations_are_those_that_are_compared() -> None:
    for service, kind in KINDS.items():
        own = {name for name in vars(kind) if not name.startswith("_") and name != "service"}
        assert own == {operation for each, operation, _ in CALLS if each == service}


def test_clients_are_shared_until_they_are_forgotten() -> None:
    first = aws.client("sqs", "us-east-1", "http://127.0.0.1:1")
    assert aws.client("sqs", "us-east-1", "http://127.0.0.1:1") is first
    others = [
        aws.client("sqs", "eu-west-1", "http://127.0.0.1:1"),
        aws.client("sqs", "us-east-1", "http://127.0.0.1:2"),
        aws.client("sqs", "us-east-1", "http://127.0.0.1:1", 1),
        aws.client("dynamodb", "us-east-1", "http://127.0.0.1:1"),
    ]
    assert first not in others
    aws.forget()
    assert aws.client("sqs", "us-east-1", "http://127.0.0.1:1") is not first


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, st.integers(-(10**38) + 1, 10**38 - 1))
def test_values_are_written_and_read_as_boto3_does(word: str, number: int) -> None:
    assert s(word) == TypeSerializer().serialize(word)
    assert n(number) == TypeSerializer().serialize(number)
    item = json.loads(json.dumps({"s": s(word), "n": n(number)}))
    assert text(item, "s") == TypeDeserializer().deserialize(item["s"]) == word
    assert integer(item, "n") == TypeDeserializer().deserialize(item["n"]) == number


@given(TEXTS, TEXTS, st.integers(0, 10**12), st.dictionaries(TEXTS.filter(bool), TEXTS))
def test_whole_items_are_what_boto3_writes(word: str, other: str, number: int, info: Any) -> None:
    rooms = tuple(RoomId(each) for each in info)
    device = replace(connection(), device_info=info, roles=(word, other), rooms=rooms)
    entry = message(1, content={"text": word, other: [number, None]}, timestamp_ms=number)
    for item in (connection_item(device), entry_item(entry), dedupe_item(entry, word, number)):
        values = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
        again = {name: TypeSerializer().serialize(value) for name, value in values.items()}
        assert _ordered(again) == _ordered(item)


def _ordered(item: Any) -> Any:
    """An item whose sets are sorted lists."""
    return {
        name: {kind: sorted(value) if kind == "SS" else value for kind, value in each.items()}
        for name, each in item.items()
    }
