"""From each region's topic to the inbox queues of all others, as Terraform wires them.

An emulator's SNS delivers within its own process only: there it finds queues of the other regions'
names, and what lies in them is carried to the real ones. As on AWS, a message comes at least once
and in any order, and waits while its region cannot be reached.
https://docs.aws.amazon.com/sns/latest/dg/sns-cross-region-delivery.html
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operate.clients import client
from operate.keys import Keys
from workbench.gateway.faults import Faults, Kind, Service

from ..children import StackError
from ..records import ACCOUNT
from ..sqs import SqsClient, SqsError
from .network import Network

logger = logging.getLogger("tidings.stack")
INBOX, TOPIC = "inbox", "broadcast"
_WAIT_S, _VISIBILITY_S, _ONCE = 10, 3, 10
_AGAIN_S = 0.3
_DOWN = (Kind.REFUSE, Kind.HANG, Kind.THROTTLE)


def wire(prefix: str, region: str, peers: list[str], endpoint_url: str, keys: Keys) -> None:
    """Create the region's inbox and topic, and its topic's way to the peers; idempotent.

    Raises:
        StackError: The emulator does not answer, or refuses.
    """
    try:
        sns = client("sns", endpoint_url, region, keys)
        _queue(prefix, region, endpoint_url, keys)
        topic = sns.create_topic(Name=f"{prefix}-{TOPIC}")["TopicArn"]
        for peer in peers:
            sns.subscribe(
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=_queue(prefix, peer, endpoint_url, keys),
                Attributes={
                    "RawMessageDelivery": "true",
                    "FilterPolicy": json.dumps({"to": [peer]}),
                },
            )
    except (BotoCoreError, ClientError) as fault:
        raise StackError(f"creating the topic of {region} at {endpoint_url}: {fault}") from fault


class Carrier:
    """Carries messages from one region's topic to another region's inbox."""

    def __init__(
        self,
        network: Network,
        faults: Mapping[str, Faults],
        ends: tuple[str, str],
        queue_url: str,
        clients: tuple[SqsClient, SqsClient],
    ) -> None:
        self._network = network
        self._faults = faults
        self._ends = ends
        self._queue_url = queue_url
        self._here, self._there = clients
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._here.close()
        await self._there.close()

    async def _run(self) -> None:
        while True:
            await self._network.until(self._is_open)
            try:
                messages = await self._here.receive(self._queue_url, _ONCE, _WAIT_S, _VISIBILITY_S)
                for message in messages:
                    if not self._is_open():
                        break  # it is received again
                    await self._carry(message)
            except SqsError as fault:
                logger.debug("from the topic of %s to %s: %s", *self._ends, fault)
                await asyncio.sleep(_AGAIN_S)

    async def _carry(self, message: Mapping[str, Any]) -> None:
        attributes = message.get("MessageAttributes") or {}
        await self._there.send(self._queue_url, message["Body"], attributes)
        await self._here.delete(self._queue_url, [message["ReceiptHandle"]])

    def _is_open(self) -> bool:
        source, destination = self._ends
        return (
            self._network.joined(source, destination)
            and not _is_down(self._faults[source], Service.SNS)
            and not _is_down(self._faults[destination], Service.SQS)
        )


def topic_arn(prefix: str, region: str) -> str:
    """The ARN of the topic that `wire` creates."""
    return f"arn:aws:sns:{region}:{ACCOUNT}:{prefix}-{TOPIC}"


def carriers(
    network: Network,
    faults: Mapping[str, Faults],
    prefix: str,
    endpoint_urls: Mapping[str, str],
    keys: Keys,
) -> list[Carrier]:
    """One for each pair of regions, not started."""
    made = []
    for source, destination in itertools.permutations(endpoint_urls, 2):
        url = f"{endpoint_urls[destination]}/{ACCOUNT}/{prefix}-{INBOX}"
        clients = (
            SqsClient(endpoint_urls[source], destination, keys),
            SqsClient(endpoint_urls[destination], destination, keys),
        )
        made.append(Carrier(network, faults, (source, destination), url, clients))
    return made


def _queue(prefix: str, region: str, endpoint_url: str, keys: Keys) -> str:
    """The ARN of the region's inbox in this emulator."""
    sqs = client("sqs", endpoint_url, region, keys)
    url = sqs.create_queue(QueueName=f"{prefix}-{INBOX}")["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def _is_down(faults: Faults, service: Service) -> bool:
    fault = faults[service]
    return fault is not None and fault.kind in _DOWN
