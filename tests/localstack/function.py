"""The Lambda function of the tests: what it does is said by its event."""

from __future__ import annotations

import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

print("loaded")
if os.environ.get("BROKEN") == "1":
    raise RuntimeError("it cannot be loaded")


def handler(event: dict[str, Any], context: Any) -> Any:
    if "Records" in event:
        return take(event["Records"])
    if event.get("source") == "aws.events":
        return tell(event["resources"][0])
    what = event.get("do")
    print(f"asked to {what}")
    if what == "exit":
        os._exit(3)
    if what == "raise":
        raise ValueError("as asked")
    if what == "hold":
        Path(event["began"]).touch()
        while not Path(event["until"]).exists():
            time.sleep(0.01)
    return {
        "pid": os.getpid(),
        "python": list(sys.version_info[:2]),
        "environment": dict(os.environ),
        "left_ms": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
    }


def take(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Tell each body; one that starts with "late" fails the first time, and all after it."""
    for number, record in enumerate(records):
        tries = int(record["attributes"]["ApproximateReceiveCount"])
        if record["body"].startswith("late") and tries == 1:
            for left in records[number:]:
                hand_back(left)
            failed = [{"itemIdentifier": left["messageId"]} for left in records[number:]]
            return {"batchItemFailures": failed}
        tell(record["body"])
    return {"batchItemFailures": []}


def hand_back(record: dict[str, Any]) -> None:
    """It can be received again at once."""
    name = record["eventSourceARN"].rsplit(":", 1)[1]
    sqs().change_message_visibility(
        QueueUrl=sqs().get_queue_url(QueueName=name)["QueueUrl"],
        ReceiptHandle=record["receiptHandle"],
        VisibilityTimeout=0,
    )


def tell(body: str) -> None:
    sqs().send_message(QueueUrl=os.environ["TOLD"], MessageBody=body)


@cache
def sqs() -> Any:
    import boto3  # comes with the runtime; the endpoint is in the environment

    return boto3.client("sqs")
