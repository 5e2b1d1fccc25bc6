"""SNS to SQS across regions, each in an emulator of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from operate.clients import client
from operate.keys import Keys, make
from workbench.gateway.faults import Fault, Faults, Kind, Service
from workbench.stack.children import free_port, start_ministack
from workbench.stack.regions.broadcast import carriers, wire
from workbench.stack.regions.network import Network

A, B = "us-east-1", "eu-west-1"


class Regions:
    def __init__(self, urls: dict[str, str], keys: Keys) -> None:
        self.urls = urls
        self.keys = keys
        self.network = Network((A, B))
        self.faults = {A: Faults(), B: Faults()}

    def publish(self, region: str, text: str, to: list[str] | None = None) -> None:
        sns = client("sns", self.urls[region], region, self.keys)
        (topic,) = sns.list_topics()["Topics"]
        attributes = {
            "kind": {"DataType": "String", "StringValue": "entry"},
            "to": {"DataType": "String.Array", "StringValue": json.dumps(to or [A, B])},
        }
        sns.publish(TopicArn=topic["TopicArn"], Message=text, MessageAttributes=attributes)

    def receive(self, region: str, wait_s: int = 20) -> list[dict[str, Any]]:
        sqs = client("sqs", self.urls[region], region, self.keys)
        url = sqs.get_queue_url(QueueName="tidings-inbox")["QueueUrl"]
        answer = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=wait_s, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return list(answer.get("Messages", []))


@pytest.fixture(scope="module")
def emulators() -> Iterator[tuple[dict[str, str], Keys]]:
    keys, urls, children = make(), {}, []
    for region in (A, B):
        port = free_port()
        children.append(start_ministack(port, region, services=("sqs", "sns"), keys=keys))
        urls[region] = f"http://127.0.0.1:{port}"
    for region, peer in ((A, B), (B, A)):
        wire("tidings", region, [peer], urls[region], keys)
        wire("tidings", region, [peer], urls[region], keys)
    yield urls, keys
    for child in children:
        child.stop()


@asynccontextmanager
async def running(emulators: tuple[dict[str, str], Keys]) -> AsyncIterator[Regions]:
    made = Regions(*emulators)
    carrying = carriers(made.network, made.faults, "tidings", *emulators)
    for each in carrying:
        each.start()
    try:
        yield made
    finally:
        for each in carrying:
            await each.stop()


async def test_a_message_is_in_the_inbox_of_the_others_only(
    emulators: tuple[dict[str, str], Keys],
) -> None:
    async with running(emulators) as regions:
        await asyncio.to_thread(regions.publish, A, "of no use there", ["sa-east-1"])
        await asyncio.to_thread(regions.publish, A, "hello")
        (message,) = await asyncio.to_thread(regions.receive, B)
        assert message["Body"] == "hello", "raw, as Terraform wires it"
        assert message["MessageAttributes"]["kind"]["StringValue"] == "entry"
        await asyncio.to_thread(regions.publish, B, "back")
        (message,) = await asyncio.to_thread(regions.receive, A)
        assert message["Body"] == "back"
        assert await asyncio.to_thread(regions.receive, B, 0) == []


@pytest.mark.parametrize("reason", ["partition", "sns", "sqs"])
async def test_a_message_waits_until_it_can_be_delivered(
    emulators: tuple[dict[str, str], Keys], reason: str
) -> None:
    async with running(emulators) as regions:
        if reason == "partition":
            regions.network.partition(A)
        else:
            struck = A if reason == "sns" else B
            regions.faults[struck].set(Service(reason), Fault(Kind.REFUSE))
        await asyncio.to_thread(regions.publish, A, reason)
        assert await asyncio.to_thread(regions.receive, B, 1) == []
        regions.network.heal(A)
        for faults in regions.faults.values():
            faults.heal()
        regions.network.changed()
        (message,) = await asyncio.to_thread(regions.receive, B)
        assert message["Body"] == reason
