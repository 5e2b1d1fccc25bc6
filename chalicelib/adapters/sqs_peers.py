"""Send jobs to SQS queues of other regions."""

from __future__ import annotations

from typing import Any

from ..kernel.records import job_to_text
from ..model.identifiers import Region
from ..model.jobs import QueuedJob
from .aws import client, unavailable

_TIMEOUT_S = 1  # to connect, and for each answer: a sender waits for it


class SqsPeerQueues:
    """See `ports.PeerQueues`.

    Args:
        endpoint_url: Where all regions are reached, in an emulator; None on AWS.
        name: The queue's name, the same in all regions.
    """

    def __init__(self, endpoint_url: str | None, name: str) -> None:
        self._endpoint_url = endpoint_url
        self._name = name
        self._urls: dict[Region, str] = {}

    def send(self, region: Region, job: QueuedJob) -> None:
        body = job_to_text(job)
        sqs: Any = client("sqs", region, self._endpoint_url, _TIMEOUT_S)
        with unavailable("the other region"):
            if region not in self._urls:
                self._urls[region] = sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
            url = self._urls[region]
            sqs.send_message(QueueUrl=url, MessageBody=body, DelaySeconds=job.delay_s)
