"""Tables and queues from the one definition that Terraform reads too."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kernel.records import MOST_JOB_BYTES
from operate.clients import client
from operate.keys import ANY, Keys
from operate.resources import load as load
from operate.resources import of_regions as of_regions
from operate.resources import queue_name

from .children import StackError


def create(
    definition: dict[str, Any],
    prefix: str,
    endpoint_url: str,
    region: str,
    keys: Keys = ANY,
    *,
    streams: Collection[str] = (),
) -> dict[str, str]:
    """Create what is missing; queue URLs by short name.

    Args:
        streams: The tables that have a stream, by short name.

    Raises:
        StackError: The endpoint does not answer, or refuses.
    """
    try:
        return _create(definition, prefix, endpoint_url, region, keys, streams)
    except (BotoCoreError, ClientError) as fault:
        raise StackError(f"creating tables and queues at {endpoint_url}: {fault}") from fault


def _create(
    definition: dict[str, Any],
    prefix: str,
    endpoint_url: str,
    region: str,
    keys: Keys,
    streams: Collection[str],
) -> dict[str, str]:
    dynamodb, sqs = (client(name, endpoint_url, region, keys) for name in ("dynamodb", "sqs"))
    for name, table in definition["tables"].items():
        _create_table(dynamodb, f"{prefix}-{name}", table, has_stream=name in streams)
    urls: dict[str, str] = {}
    # Dead-letter queues come first: the others name them.
    for name, queue in sorted(definition["queues"].items(), key=lambda q: "dead_letter" in q[1]):
        urls[name] = _create_queue(sqs, prefix, name, queue, urls)
    return urls


def _create_table(
    dynamodb: Any, name: str, table: dict[str, Any], *, has_stream: bool = False
) -> None:
    attributes = [{"AttributeName": n, "AttributeType": t} for n, t in table["attributes"].items()]
    arguments: dict[str, Any] = {}
    if table.get("indexes"):
        arguments["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index["name"],
                "KeySchema": _keys(index),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in table["indexes"]
        ]
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    if has_stream:
        arguments["StreamSpecification"] = stream
    try:
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=attributes,
            KeySchema=_keys(table),
            BillingMode="PAY_PER_REQUEST",
            **arguments,
        )
    except dynamodb.exceptions.ResourceInUseException:
        known = dynamodb.describe_table(TableName=name)["Table"]
        if has_stream and not known.get("StreamSpecification", {}).get("StreamEnabled"):
            dynamodb.update_table(TableName=name, StreamSpecification=stream)
        return
    waiter = dynamodb.get_waiter("table_exists")
    waiter.wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    if "ttl" in table:
        dynamodb.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": table["ttl"]},
        )


def _keys(schema: dict[str, Any]) -> list[dict[str, str]]:
    keys = [{"AttributeName": schema["hash_key"], "KeyType": "HASH"}]
    if "range_key" in schema:
        keys.append({"AttributeName": schema["range_key"], "KeyType": "RANGE"})
    return keys


def _create_queue(
    sqs: Any, prefix: str, name: str, queue: dict[str, Any], urls: dict[str, str]
) -> str:
    attributes = {
        "VisibilityTimeout": str(queue["visibility_timeout_s"]),
        # As Terraform sets it. AWS allows more, and so does ministack.
        "MaximumMessageSize": str(MOST_JOB_BYTES),
    }
    if queue["fifo"]:
        attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
    if "retention_s" in queue:
        attributes["MessageRetentionPeriod"] = str(queue["retention_s"])
    if "dead_letter" in queue:
        dead = urls[queue["dead_letter"]]
        answer = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        policy = {
            "deadLetterTargetArn": answer["Attributes"]["QueueArn"],
            "maxReceiveCount": str(queue["max_receive_count"]),
        }
        attributes["RedrivePolicy"] = json.dumps(policy)
    full_name = queue_name(prefix, name, queue)
    try:
        return str(sqs.create_queue(QueueName=full_name, Attributes=attributes)["QueueUrl"])
    except sqs.exceptions.QueueNameExists:  # with other attributes: bring it in line
        url = str(sqs.get_queue_url(QueueName=full_name)["QueueUrl"])
        attributes.pop("FifoQueue", None)
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
        return url
