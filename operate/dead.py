"""Dead letters: jobs that failed too often, by the queue that they came from.

Letters of the kind `set_aside` name messages that could not be delivered, and why.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from . import clients, resources
from .keys import Keys

QUEUES = tuple(name for name, it in resources.load()["queues"].items() if "dead_letter" in it)
_LOOK_S = 20
_MOST = 100_000  # letters that one command handles
# A short poll asks some of SQS's servers and may find a small queue empty; a long poll asks all.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
_POLL_S = 1
_EMPTY_POLLS = 3
# Kind of such a letter (`chalicelib.jobs.delivery.SetAside`); it has no message content.
_SET_ASIDE = (
    "room_id",
    "region",
    "first_seq",
    "seq",
    "message_id",
    "reason",
    "attempts",
    "retries",
)
_VISIBLE, _HIDDEN = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
_BOUNDED = Config(connect_timeout=3, read_timeout=10, retries={"max_attempts": 2})


class NoQueuesError(Exception):
    """The queues do not exist, or SQS cannot be asked; the text is for the user."""


@dataclass(frozen=True)
class Where:
    """Which deployment.

    Attributes:
        keys: Of the stack on this machine; None for those of the environment.
    """

    endpoint_url: str | None
    region: str | None
    prefix: str
    keys: Keys | None = None

    def client(self) -> Any:
        if self.keys is not None and self.endpoint_url and self.region:
            return clients.client("sqs", self.endpoint_url, self.region, self.keys)
        # Of its own session: the default one keeps the keys of its first client.
        return boto3.Session().client(
            "sqs",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            config=_BOUNDED,
        )


class DeadLetters:
    """One dead-letter queue and the queue it redrives to.

    Args:
        queue: The short name of the queue it redrives to, one of `QUEUES`.

    Raises:
        NoQueuesError: The queues do not exist, or SQS cannot be asked.
    """

    def __init__(self, at: Where, queue: str) -> None:
        definition = resources.load()["queues"]
        dead = definition[queue]["dead_letter"]
        self.fifo = bool(definition[queue]["fifo"])
        try:
            self.sqs: Any = at.client()
            self.url = self._url(resources.queue_name(at.prefix, dead, definition[dead]))
            self.source = self._url(resources.queue_name(at.prefix, queue, definition[queue]))
        except (BotoCoreError, ClientError) as fault:
            raise NoQueuesError(f"the dead-letter queues were not found: {fault}") from fault

    def count(self) -> int:
        """The number of letters, as SQS estimates it."""
        return self._counted(_VISIBLE, _HIDDEN)

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """Receive batches until none is left; each is hidden from others for some seconds.

        An empty answer counts as the end when SQS counts none either, or after a few in a row:
        the count lags, and includes letters that wait behind others of their group.

        A FIFO group gives its next letters only when the received ones are deleted, so a caller
        that does not delete sees at most ten of each group.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagegroupid-property.html
        """
        empty = 0
        for _ in range(_MOST // 10):
            answer = self.sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                AttributeNames=["All"],
                VisibilityTimeout=_LOOK_S,
                WaitTimeSeconds=_POLL_S,
            )
            batch: list[dict[str, Any]] = answer.get("Messages", [])
            if batch:
                empty = 0
                yield batch
                continue
            empty += 1
            if empty == _EMPTY_POLLS or not self._counted(_VISIBLE):
                return

    def look(self) -> list[dict[str, Any]]:
        """Receive letters without deleting any; they are visible again at once."""
        found = {m["MessageId"]: m for batch in self.pages() for m in batch}
        self.release(list(found.values()))
        return list(found.values())

    def release(self, messages: list[dict[str, Any]]) -> None:
        """Make them visible again at once."""
        for message in messages:
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )

    def redrive(self, message: dict[str, Any]) -> None:
        """Send it back to its queue, then delete it here: a crash duplicates it, never loses it."""
        order = {}
        if self.fifo:
            order = {
                "MessageGroupId": message["Attributes"]["MessageGroupId"],
                "MessageDeduplicationId": uuid.uuid4().hex,
            }
        self.sqs.send_message(QueueUrl=self.source, MessageBody=message["Body"], **order)
        self.delete(message)

    def delete(self, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def _counted(self, *names: str) -> int:
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names))
        return sum(int(answer["Attributes"][name]) for name in names)

    def _url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])


def summary(message: dict[str, Any]) -> dict[str, Any]:
    """The fields that may be shown without `--payload`; for a set-aside letter, what and why."""
    try:
        body = json.loads(message["Body"])
        kind = str(body["kind"])
    except (ValueError, RecursionError, KeyError, TypeError):
        body, kind = {}, "unreadable"
    attributes = message["Attributes"]
    aside = {name: body.get(name) for name in _SET_ASIDE} if kind == "set_aside" else {}
    sent_s = int(attributes.get("SentTimestamp", "0")) / 1000
    return {
        "id": message["MessageId"],
        "kind": kind,
        "group": attributes.get("MessageGroupId", ""),
        "receives": int(attributes.get("ApproximateReceiveCount", "0")),
        "age_s": int(time.time() - sent_s),
        **aside,
    }


def about(row: dict[str, Any]) -> str:
    """Which message was set aside, and why; "" for other letters."""
    if row["kind"] != "set_aside":
        return ""
    return f"{row['region']} {row['first_seq']}-{row['seq']} {row['message_id']}: {row['reason']}"
