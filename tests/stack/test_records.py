"""Events as AWS shapes them, answers as Lambda reads them."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.stack.records import failed_ids, scheduled_event, sqs_event

ARN = "arn:aws:sqs:eu-west-1:000000000000:q"


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": "z"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"id": "b"}]}, {"a", "b"}),
        ({"batchItemFailures": ["a"]}, {"a", "b"}),
        ({"batchItemFailures": "a"}, {"a", "b"}),
        ("done", {"a", "b"}),
        ([], {"a", "b"}),
    ],
)
def test_what_an_answer_leaves_in_the_queue(answer: Any, failed: set[str]) -> None:
    assert failed_ids(answer, ["a", "b"]) == failed


def test_a_record_has_the_names_of_aws() -> None:
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": "text",
        "MD5OfBody": "d",
        "Attributes": {"SentTimestamp": "1"},
        "MessageAttributes": {"kind": {"StringValue": "x", "DataType": "String"}},
    }
    assert sqs_event([message], ARN)["Records"] == [
        {
            "messageId": "m",
            "receiptHandle": "r",
            "body": "text",
            "attributes": {"SentTimestamp": "1"},
            "messageAttributes": {
                "kind": {
                    "stringValue": "x",
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": "String",
                }
            },
            "md5OfBody": "d",
            "eventSource": "aws:sqs",
            "eventSourceARN": ARN,
            "awsRegion": "eu-west-1",
        }
    ]


def test_a_scheduled_event_names_its_rule() -> None:
    event = scheduled_event("sweep", "eu-west-1")
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.events"
    assert event["resources"] == ["arn:aws:events:eu-west-1:000000000000:rule/sweep"]
