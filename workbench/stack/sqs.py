"""The SQS calls an event source mapping makes, and a queue's depth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from operate.keys import ANY, Keys

from .signed import NoAnswer, SignedCalls

# Longer than a queue's silence in a fault test: a call given up may be carried out later, and what
# it received would stay hidden for the whole visibility time-out.
_PATIENCE_S = 60.0

Message = dict[str, Any]


class SqsError(Exception):
    """SQS answered with an error or not at all."""


class Queues(Protocol):
    """What triggers and statistics ask of SQS; `SqsClient` does it."""

    async def receive(
        self, queue_url: str, count: int, wait_s: int, visibility_s: int
    ) -> list[Message]: ...
    async def delete(self, queue_url: str, receipt_handles: Sequence[str]) -> None: ...
    async def depth(self, queue_url: str) -> int: ...
    async def close(self) -> None: ...


class SqsClient:
    """Calls in the AWS JSON protocol.

    Args:
        endpoint_url: An emulator's address.
        region: The queue's region.
    """

    def __init__(self, endpoint_url: str, region: str, keys: Keys = ANY) -> None:
        self._calls = SignedCalls(endpoint_url, "sqs", region, keys)

    async def receive(
        self, queue_url: str, count: int, wait_s: int, visibility_s: int
    ) -> list[Message]:
        request = {
            "QueueUrl": queue_url,
            "MaxNumberOfMessages": count,
            "WaitTimeSeconds": wait_s,
            "VisibilityTimeout": visibility_s,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        answer = await self._call("ReceiveMessage", request, within_s=wait_s + _PATIENCE_S)
        return list(answer.get("Messages") or [])

    async def delete(self, queue_url: str, receipt_handles: Sequence[str]) -> None:
        entries = [
            {"Id": str(index), "ReceiptHandle": handle}
            for index, handle in enumerate(receipt_handles)
        ]
        await self._call("DeleteMessageBatch", {"QueueUrl": queue_url, "Entries": entries})

    async def send(self, queue_url: str, body: str, attributes: Mapping[str, Any]) -> None:
        """A message to a standard queue, with message attributes as they were received."""
        request = {"QueueUrl": queue_url, "MessageBody": body, "MessageAttributes": attributes}
        await self._call("SendMessage", request)

    async def depth(self, queue_url: str) -> int:
        """How many messages wait; those under way are not counted."""
        name = "ApproximateNumberOfMessages"
        request = {"QueueUrl": queue_url, "AttributeNames": [name]}
        answer = await self._call("GetQueueAttributes", request)
        return int(answer["Attributes"][name])

    async def close(self) -> None:
        await self._calls.close()

    async def _call(
        self, action: str, request: Mapping[str, Any], within_s: float = _PATIENCE_S
    ) -> dict[str, Any]:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{action}",
        }
        try:
            answer = await self._calls.post("/", json.dumps(request).encode(), headers, within_s)
        except (NoAnswer, TimeoutError) as error:
            raise SqsError(f"{action}: {type(error).__name__}: {error}") from error
        if answer.status != 200:
            text = answer.body[:300].decode(errors="replace")
            raise SqsError(f"{action}: {answer.status} {text}")
        result: dict[str, Any] = json.loads(answer.body or b"{}")
        return result
