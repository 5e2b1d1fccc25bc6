"""`GET /dev/stats`: rate and depths."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support.ministack import REGION
from workbench.stack.sqs import SqsClient
from workbench.stack.stats import DevStats, MessageRate


def record(number: int, entry: str = "e#1", region: str = REGION, **more: Any) -> dict[str, Any]:
    image = {"entry": {"S": entry}, "region": {"S": region}}
    made = {"eventID": str(number), "eventName": "INSERT", "awsRegion": REGION}
    return {**made, "dynamodb": {"NewImage": image}, **more}


def test_the_rate_counts_entries_once_and_forgets_them() -> None:
    now = 0.0
    rate = MessageRate(lambda: now)
    batch = {"Records": [record(number) for number in range(10)]}
    rate.note("replicated", batch)
    rate.note("replicated", batch)  # it failed
    rate.note("deliver", {"Records": [{"body": "{}"}]})
    assert rate.per_s() == 2.0
    now = 6.0
    assert rate.per_s() == 0.0


def test_what_is_no_new_entry_of_the_region_is_not_counted() -> None:
    rate = MessageRate()
    others = (
        record(1, "head"),
        record(2, region="eu-west-1"),
        record(3, eventName="MODIFY"),
        record(4, eventName="REMOVE", dynamodb={}),
        record(5, dynamodb={"NewImage": {"room_id": {"S": "r"}}}),
    )
    for each in others:
        rate.note("replicated", {"Records": [each]})
    assert rate.per_s() == 0


async def test_depths_by_queue_and_the_dead_together(
    endpoint: str, sqs: Any, make_queue: Callable[..., str]
) -> None:
    urls = {name: make_queue() for name in ("outbound", "outbound-dead", "delivery-dead")}
    for name, count in (("outbound", 3), ("outbound-dead", 1), ("delivery-dead", 2)):
        for _ in range(count):
            sqs.send_message(QueueUrl=urls[name], MessageBody="{}")
    client = SqsClient(endpoint, REGION)
    stats = DevStats(client, lambda: 7, MessageRate(), urls)
    status, _, body = await stats(b"", {})
    await client.close()
    assert status == 200
    assert json.loads(body) == {
        "connections": 7,
        "messages_per_s": 0.0,
        "queues": {"outbound": 3},
        "dead_letters": 3,
    }


async def test_without_sqs_it_says_so() -> None:
    client = SqsClient("http://127.0.0.1:9", REGION)
    stats = DevStats(client, lambda: 0, MessageRate(), {"outbound": "http://127.0.0.1:9/q"})
    status, _, body = await stats(b"", {})
    await client.close()
    assert status == 503
    assert json.loads(body)["error"]["code"] == "unavailable"
