"""The queues: there, with their dead letters counted, and nothing that waits for long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operate import resources
from operate.checks import Check

from .metrics import Metrics
from .subject import Subject, fault, warning, well

NAME, DEAD = "queues", "dead-letters"
# As the alarms: terraform/modules/monitoring/main.tf.
AGE_S, MOST_OUTBOUND = 30, 100


def check(subject: Subject) -> list[Check]:
    definition = resources.of_regions(resources.load(), subject.several)["queues"]
    sqs = subject.client("sqs")
    counted = {name: _attributes(sqs, subject, name, each) for name, each in definition.items()}
    there = {name: each for name, each in counted.items() if each is not None}
    dead = {name: each for name, each in there.items() if "dead_letter" not in definition[name]}
    waiting = sum(_waiting(each) for name, each in there.items() if name not in dead)
    problems = [
        *_missing(subject, counted),
        *_unconnected(subject, definition, there),
        *_late(subject, definition),
    ]
    letters = [check for name, each in dead.items() for check in _dead(subject, name, each)]
    return [
        *well(NAME, f"all {len(definition)} are there; about {waiting} jobs wait", problems),
        *well(DEAD, "there are none", letters),
    ]


def _attributes(
    sqs: Any, subject: Subject, short: str, queue: dict[str, Any]
) -> dict[str, str] | None:
    name = resources.queue_name(subject.name, short, queue)
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
            "Attributes"
        ]
    except sqs.exceptions.QueueDoesNotExist:
        return None
    return found


def _waiting(attributes: dict[str, str]) -> int:
    return int(attributes["ApproximateNumberOfMessages"])


def _missing(subject: Subject, counted: dict[str, dict[str, str] | None]) -> Iterator[Check]:
    for short, attributes in counted.items():
        if attributes is None:
            name = subject.full(short)
            yield fault(NAME, f"{name} is not there", "Deploy again", "jobs-wait-too-long")


def _unconnected(
    subject: Subject, definition: dict[str, Any], there: dict[str, dict[str, str]]
) -> Iterator[Check]:
    for short, attributes in there.items():
        if "dead_letter" in definition[short] and not attributes.get("RedrivePolicy"):
            yield fault(
                NAME,
                f"{subject.full(short)} has no dead-letter queue: failed jobs are tried for ever",
                "Deploy again",
                "dead-letters",
            )


def _late(subject: Subject, definition: dict[str, Any]) -> Iterator[Check]:
    if not subject.deployed:
        return
    metrics = Metrics(subject.client("cloudwatch"))
    for short, queue in definition.items():
        if "dead_letter" not in queue:
            continue
        name = resources.queue_name(subject.name, short, queue)
        age_s = metrics.most("AWS/SQS", "ApproximateAgeOfOldestMessage", QueueName=name)
        if age_s is not None and age_s > AGE_S:
            yield fault(
                NAME,
                f"a job of {name} waited {age_s:.0f} s within the last 15 minutes",
                "Look first whether its function fails or is throttled",
                "jobs-wait-too-long",
            )


def _dead(subject: Subject, short: str, attributes: dict[str, str]) -> Iterator[Check]:
    count = _waiting(attributes) + int(attributes["ApproximateNumberOfMessagesNotVisible"])
    if not count:
        return
    queue = short.removesuffix("-dead")
    where = f" --region {subject.region}" if subject.deployed else ""
    remedy = (
        f"`tidings dead{where} list --queue {queue}` shows them, "
        f"`tidings dead{where} redrive --queue {queue}` sends them back"
    )
    usual = queue == "outbound" and count <= MOST_OUTBOUND
    found = f"{short} has about {count}"
    if usual:
        found += "; some are usual, of clients that stopped reading"
    yield (warning if usual else fault)(DEAD, found, remedy, DEAD)
