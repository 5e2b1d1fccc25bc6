"""A FIFO queue's deduplication window: the same ids as ministack's, looked at once each."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from ministack.services import sqs

from operate.clients import client
from tests.support.emulator import REGION
from workbench.stack import dedupe


class Id(dict[str, Any]):
    """What is kept of an id; counts how often its expiry is read."""

    read = 0

    def __getitem__(self, name: str) -> Any:
        Id.read += 1
        return super().__getitem__(name)


@pytest.fixture(autouse=True)
def unread() -> None:
    Id.read = 0


def window(*expires_in_s: float) -> dict[str, Any]:
    """A queue with such ids, in the order sent."""
    now_s = time.time()
    ids = {f"id{n}": Id(expire=now_s + each) for n, each in enumerate(expires_in_s)}
    return {"dedup_cache": ids}


def test_a_message_looks_at_the_oldest_id_alone() -> None:
    queue = window(*range(100, 10_100))
    dedupe.prune(queue)
    assert len(queue["dedup_cache"]) == 10_000
    assert Id.read == 1


def test_an_expired_id_is_looked_at_once() -> None:
    queue = window(*[-1.0] * 500, *range(100, 600))
    dedupe.prune(queue)
    dedupe.prune(queue)
    assert len(queue["dedup_cache"]) == 500
    assert Id.read == 500 + 1 + 1


def test_it_removes_what_ministack_removes() -> None:
    chance = random.Random(1)
    for size in range(30):
        expires = sorted(chance.uniform(-300, 300) for _ in range(size))
        ours, theirs = window(*expires), window(*expires)
        dedupe.prune(ours)
        sqs._prune_dedup(theirs)
        assert list(ours["dedup_cache"]) == list(theirs["dedup_cache"])


def test_the_emulator_still_drops_a_repeated_message(endpoint: str) -> None:
    queues = client("sqs", endpoint, REGION)
    attributes = {"FifoQueue": "true"}
    url = queues.create_queue(QueueName="repeated.fifo", Attributes=attributes)["QueueUrl"]
    for name in ("one", "two", "one"):
        queues.send_message(
            QueueUrl=url, MessageBody=name, MessageGroupId=name, MessageDeduplicationId=name
        )
    found = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in found] == ["one", "two"]
