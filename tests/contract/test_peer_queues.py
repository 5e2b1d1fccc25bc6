"""The contract of `ports.PeerQueues`, in memory and on SQS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.adapters import aws, sdk
from chalicelib.adapters.aws.client import CallLimits
from chalicelib.adapters.memory import MemoryPeerQueues, MemoryQueue
from chalicelib.adapters.sqs_peers import SqsPeerQueues
from chalicelib.jobs.base import RawJob
from chalicelib.kernel.errors import TooLarge, Unavailable
from chalicelib.model.identifiers import Region
from chalicelib.ports.queues import PeerQueues
from tests.support.ministack import Ministack
from workbench.stack.children import free_port

PEER = Region("eu-west-1")
JOB = RawJob("spare", {"text": "\u4f60\u597d"})


@pytest.fixture
def peer(ministack: Ministack, ministack_url: str) -> tuple[Any, str]:
    """A queue in another region of the emulator."""
    sqs = sdk.client("sqs", PEER, ministack_url)
    return sqs, str(sqs.create_queue(QueueName="peers-outbound")["QueueUrl"])


def received(sqs: Any, url: str) -> list[Any]:
    answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0, MaxNumberOfMessages=10)
    for message in answer.get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_a_job_arrives_in_that_region(peer: tuple[Any, str], ministack_url: str) -> None:
    queues = SqsPeerQueues(ministack_url, "peers-outbound")
    queues.send(PEER, JOB)
    queues.send(PEER, JOB)
    assert received(*peer) == [JOB.record()] * 2


def test_it_can_be_delayed(peer: tuple[Any, str], ministack_url: str) -> None:
    SqsPeerQueues(ministack_url, "peers-outbound").send(PEER, RawJob("spare", {}, delay_s=900))
    assert received(*peer) == []
    sqs, url = peer
    name = "ApproximateNumberOfMessagesDelayed"
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    assert answer["Attributes"][name] == "1"
    sqs.purge_queue(QueueUrl=url)


@pytest.mark.parametrize("name", ["no-such-queue", "peers-outbound"])
def test_a_region_without_the_queue_or_an_answer_is_unavailable(
    name: str, ministack_url: str
) -> None:
    url = ministack_url if name == "no-such-queue" else f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable):
        SqsPeerQueues(url, name).send(PEER, JOB)


def test_its_client_tries_once_and_not_for_long(ministack_url: str) -> None:
    assert aws.client("sqs", PEER, ministack_url, 1).limits == CallLimits(1, 1, attempts=1)
    assert aws.client("sqs", PEER, ministack_url).limits == CallLimits(2, 3, attempts=3)


@pytest.mark.parametrize("kind", ["memory", "sqs"])
def test_what_is_too_large_is_no_outage(kind: str, ministack_url: str) -> None:
    queues: PeerQueues = MemoryPeerQueues({PEER: MemoryQueue()})
    if kind == "sqs":
        queues = SqsPeerQueues(ministack_url, "peers-outbound")
    with pytest.raises(TooLarge):
        queues.send(PEER, RawJob("spare", {"text": "x" * 300_000}))


def test_the_twin() -> None:
    queue = MemoryQueue()
    queues = MemoryPeerQueues({PEER: queue})
    queues.send(PEER, JOB)
    assert queue.jobs == [JOB]
    with pytest.raises(Unavailable):
        queues.send(Region("us-east-1"), JOB)
    assert queues.asked == [PEER, "us-east-1"]
