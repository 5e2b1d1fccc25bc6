"""The SQS calls an event source mapping makes, and a queue's depth, over keep-alive sockets.

Not boto3: a pump polls for as long as the stack runs, and boto3 costs twenty times the CPU.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Message = dict[str, Any]


class SqsError(Exception):
    """SQS answered with an error or not at all."""


class SqsClient:
    """Signed calls in the AWS JSON protocol.

    Args:
        endpoint_url: An emulator's address.
        region: The queue's region.
    """

    def __init__(self, endpoint_url: str, region: str) -> None:
        self._url = endpoint_url.rstrip("/") + "/"
        credentials = Credentials(
            os.environ.get("AWS_ACCESS_KEY_ID", "test"),
            os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
        )
        self._signer = SigV4Auth(credentials, "sqs", region)
        self._session: aiohttp.ClientSession | None = None

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
        answer = await self._call("ReceiveMessage", request, within_s=wait_s + 10.0)
        return list(answer.get("Messages") or [])

    async def delete(self, queue_url: str, receipt_handles: Sequence[str]) -> None:
        entries = [
            {"Id": str(index), "ReceiptHandle": handle}
            for index, handle in enumerate(receipt_handles)
        ]
        await self._call("DeleteMessageBatch", {"QueueUrl": queue_url, "Entries": entries})

    async def depth(self, queue_url: str) -> int:
        """How many messages wait; those under way are not counted."""
        name = "ApproximateNumberOfMessages"
        request = {"QueueUrl": queue_url, "AttributeNames": [name]}
        answer = await self._call("GetQueueAttributes", request)
        return int(answer["Attributes"][name])

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _call(
        self, action: str, request: Mapping[str, Any], within_s: float = 10.0
    ) -> dict[str, Any]:
        body = json.dumps(request)
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{action}",
        }
        signed = AWSRequest("POST", self._url, headers=headers, data=body)
        self._signer.add_auth(signed)
        timeout = aiohttp.ClientTimeout(total=within_s)
        self._session = self._session or aiohttp.ClientSession()
        try:
            async with self._session.post(
                self._url, data=body, headers=dict(signed.headers.items()), timeout=timeout
            ) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SqsError(f"{action}: {type(error).__name__}: {error}") from error
        if answer.status != 200:
            raise SqsError(f"{action}: {answer.status} {text[:300]}")
        result: dict[str, Any] = json.loads(text or "{}")
        return result
