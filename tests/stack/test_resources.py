"""Tables and queues of terraform/resources.json, on ministack."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.kernel.records import MOST_JOB_BYTES
from workbench.stack import resources
from workbench.stack.children import StackError, free_port

DEFINITION = resources.load()


@pytest.fixture(scope="module")
def urls(endpoint: str) -> dict[str, str]:
    first = resources.create(DEFINITION, "res", endpoint, "us-east-1")
    assert resources.create(DEFINITION, "res", endpoint, "us-east-1") == first
    return first


def test_every_table_is_there_with_its_keys_indexes_and_ttl(
    urls: dict[str, str], aws: Callable[..., Any]
) -> None:
    dynamodb = aws("dynamodb")
    for name, wanted in DEFINITION["tables"].items():
        table = dynamodb.describe_table(TableName=f"res-{name}")["Table"]
        keys = [key["AttributeName"] for key in table["KeySchema"]]
        assert keys == [wanted[k] for k in ("hash_key", "range_key") if k in wanted]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        indexes = table.get("GlobalSecondaryIndexes", [])
        assert [i["IndexName"] for i in indexes] == [i["name"] for i in wanted.get("indexes", [])]
        assert all(i["Projection"]["ProjectionType"] == "ALL" for i in indexes)
        ttl = dynamodb.describe_time_to_live(TableName=f"res-{name}")["TimeToLiveDescription"]
        assert ttl.get("AttributeName") == wanted.get("ttl")


def test_every_queue_is_there_with_its_attributes(urls: dict[str, str], sqs: Any) -> None:
    assert set(urls) == set(DEFINITION["queues"])
    for name, wanted in DEFINITION["queues"].items():
        url = urls[name]
        assert url.endswith(f"/res-{name}" + (".fifo" if wanted["fifo"] else ""))
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert found["VisibilityTimeout"] == str(wanted["visibility_timeout_s"])
        assert found.get("ContentBasedDeduplication", "false") == "false"
        if "retention_s" in wanted:
            assert found["MessageRetentionPeriod"] == str(wanted["retention_s"])
        if "dead_letter" in wanted:
            policy = json.loads(found["RedrivePolicy"])
            assert int(policy["maxReceiveCount"]) == wanted["max_receive_count"]
            name_of_dead = urls[wanted["dead_letter"]].rsplit("/", 1)[-1]
            assert policy["deadLetterTargetArn"].endswith(f":{name_of_dead}")


def test_regions_are_apart(urls: dict[str, str], aws: Callable[..., Any]) -> None:
    elsewhere = aws("dynamodb", "eu-west-1").list_tables()["TableNames"]
    assert not [name for name in elsewhere if name.startswith("res-")]


def test_a_queue_of_an_older_definition_is_brought_in_line(endpoint: str, sqs: Any) -> None:
    def define(seconds: int) -> dict[str, Any]:
        return {"tables": {}, "queues": {"q": {"fifo": True, "visibility_timeout_s": seconds}}}

    first = resources.create(define(10), "older", endpoint, "us-east-1")
    assert resources.create(define(20), "older", endpoint, "us-east-1") == first
    found = sqs.get_queue_attributes(QueueUrl=first["q"], AttributeNames=["VisibilityTimeout"])
    assert found["Attributes"]["VisibilityTimeout"] == "20"


def test_an_endpoint_that_does_not_answer_is_a_stack_error() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StackError, match=url):
        resources.create(DEFINITION, "none", url, "us-east-1")


def test_a_message_has_what_sqs_allows_by_default(urls: dict[str, str], sqs: Any) -> None:
    """The emulator allows four times as much."""
    url = urls["outbound"]
    sqs.send_message(QueueUrl=url, MessageBody="x" * MOST_JOB_BYTES)
    with pytest.raises(ClientError, match=r"262144"):
        sqs.send_message(QueueUrl=url, MessageBody="x" * (MOST_JOB_BYTES + 1))
    sqs.purge_queue(QueueUrl=url)
