"""`GET /dev/stats`: rate and depths."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support.ministack import REGION
from workbench.stack.sqs import SqsClient
from workbench.stack.stats import DevStats, MessageRate


def deliver(kind: str, receives: str = "1") -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": receives}
    return {"Records": [{"body": json.dumps({"kind": kind}), "attributes": attributes}]}


def test_the_rate_counts_entries_once_and_forgets_them() -> None:
    now = 0.0
    rate = MessageRate(lambda: now)
    for _ in range(10):
        rate.note("deliver", deliver("entry"))
    rate.note("deliver", deliver("entry", receives="2"))
    rate.note("deliver", deliver("room_updated"))
    rate.note("outbound", deliver("entry"))
    assert rate.per_s() == 2.0
    now = 6.0
    assert rate.per_s() == 0.0


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


def test_a_body_that_is_no_job_is_not_counted_and_not_in_the_way() -> None:
    rate = MessageRate()
    for body in ("{not json", "[]", "1", ""):
        attributes = {"ApproximateReceiveCount": "1"}
        rate.note("deliver", {"Records": [{"body": body, "attributes": attributes}]})
    assert rate.per_s() == 0
