"""The contract of the topic: in memory and on SNS, a job is in the inboxes that it names only."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import pytest

from chalicelib.adapters import sdk
from chalicelib.adapters.aws import client
from chalicelib.adapters.memory import MemoryQueue, MemoryTopic
from chalicelib.adapters.sns import SnsTopic
from chalicelib.jobs.base import RawJob
from chalicelib.kernel.errors import TooLarge, Unavailable
from chalicelib.kernel.records import MOST_JOB_BYTES
from chalicelib.model.identifiers import Region
from chalicelib.ports.queues import Topic
from operate.keys import Keys
from tests.support.ministack import REGION, Ministack
from workbench.stack.children import free_port
from workbench.stack.regions.broadcast import wire

EU, AP = Region("eu-west-1"), Region("ap-southeast-1")
KEYS = Keys("test", "test")
JOB = RawJob("relay_typing", {"user_id": "älice", "at_ms": 7})


class Rig(ABC):
    """A topic to which the inboxes of two other regions are subscribed.

    Attributes:
        topic: The topic under test.
    """

    topic: Topic

    @abstractmethod
    def inbox(self, region: Region) -> list[dict[str, Any]]:
        """The jobs that wait in the region's inbox; they are taken out."""


class MemoryRig(Rig):
    def __init__(self) -> None:
        twin = MemoryTopic()
        self.queues = {EU: MemoryQueue(), AP: MemoryQueue()}
        twin.inboxes.update(self.queues)
        self.topic = twin

    def inbox(self, region: Region) -> list[dict[str, Any]]:
        jobs, self.queues[region].jobs = self.queues[region].jobs, []
        return [job.record() for job in jobs]


class SnsRig(Rig):
    def __init__(self, stack: Ministack) -> None:
        self.stack = stack
        wire(stack.prefix, REGION, [EU, AP], stack.endpoint_url, KEYS)
        self.topic = SnsTopic(partial(stack.client, "sns"), arn(stack.prefix))

    def inbox(self, region: Region) -> list[dict[str, Any]]:
        sqs = sdk.client("sqs", region, self.stack.endpoint_url)
        url = sqs.get_queue_url(QueueName=f"{self.stack.prefix}-inbox")["QueueUrl"]
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def arn(prefix: str) -> str:
    return f"arn:aws:sns:{REGION}:000000000000:{prefix}-broadcast"


@pytest.fixture(params=["memory", "sns"])
def rig(request: pytest.FixtureRequest) -> Rig:
    if request.param == "memory":
        return MemoryRig()
    return SnsRig(request.getfixturevalue("ministack"))


def test_a_job_is_in_the_inboxes_that_it_names_only(rig: Rig) -> None:
    rig.topic.publish(JOB, {EU})
    rig.topic.publish(RawJob("both", {}), {AP, EU})
    rig.topic.publish(RawJob("none", {}), {Region("sa-east-1")})
    by_kind = {job["kind"]: job for job in rig.inbox(EU)}
    assert by_kind == {"relay_typing": JOB.record(), "both": {"kind": "both"}}
    assert rig.inbox(AP) == [{"kind": "both"}]


def test_a_job_that_no_queue_would_take_is_refused(rig: Rig) -> None:
    with pytest.raises(TooLarge):
        rig.topic.publish(RawJob("x", {"text": "x" * MOST_JOB_BYTES}), {EU})


@pytest.mark.parametrize("missing", ["", arn("nobodys")])
def test_without_a_topic_it_is_unavailable(ministack: Ministack, missing: str) -> None:
    with pytest.raises(Unavailable):
        SnsTopic(partial(ministack.client, "sns"), missing).publish(JOB, {EU})


def test_a_topic_that_does_not_answer_is_unavailable_after_one_try(
    ministack: Ministack,
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    sns = client("sns", REGION, url, once_within_s=0.5)
    tries: list[Any] = []
    sns.watchers.append(lambda operation, arguments: tries.append(operation))
    with pytest.raises(Unavailable):
        SnsTopic(lambda: sns, arn("x")).publish(JOB, {EU})
    assert len(tries) == 1
