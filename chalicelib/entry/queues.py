"""SQS batches to the domain: one record at a time, partial batch responses, dead letters.

A FIFO batch may hold several groups. After a failure the later records of *that* group are
failed unprocessed, so that order holds; other groups go on.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .. import telemetry
from ..model import Job
from ..ports import Queue
from ..services import Services

BACKOFF_CAP_S = 64

# A worker answers None when the job is settled, or the seconds after which to try it again.
Worker = Callable[[Services, Mapping[str, Any], int], int | None]


def deliver(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """The delivery.fifo trigger."""
    adapters = services.adapters
    return _batch(services, event, DELIVER, adapters.delivery, adapters.delivery_dead)


def outbound(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """The outbound trigger."""
    adapters = services.adapters
    return _batch(services, event, OUTBOUND, adapters.outbound, adapters.outbound_dead)


def _entry(services: Services, job: Mapping[str, Any], attempt: int) -> None:
    services.delivery.entry(job)


def _part(services: Services, job: Mapping[str, Any], attempt: int) -> None:
    services.delivery.part(job)


def _direct(services: Services, job: Mapping[str, Any], attempt: int) -> int | None:
    return services.delivery.direct(job, attempt)


def _room_updated(services: Services, job: Mapping[str, Any], attempt: int) -> None:
    services.delivery.room_updated(job)


def _retry(services: Services, job: Mapping[str, Any], attempt: int) -> None:
    services.delivery.retry(job)


def _typing(services: Services, job: Mapping[str, Any], attempt: int) -> None:
    services.ephemeral.deliver_typing(job)


def _typing_expired(services: Services, job: Mapping[str, Any], attempt: int) -> None:
    services.ephemeral.expire_typing(job)


def _room_view(services: Services, job: Mapping[str, Any], attempt: int) -> None:
    services.ephemeral.deliver_room_view(job)


def _left(services: Services, job: Mapping[str, Any], attempt: int) -> None:
    services.ephemeral.left_all(job)


DELIVER: dict[str, Worker] = {
    "entry": _entry,
    "part": _part,
    "direct": _direct,
    "room_updated": _room_updated,
}
OUTBOUND: dict[str, Worker] = {
    "retry": _retry,
    "typing": _typing,
    "typing_expired": _typing_expired,
    "room_view": _room_view,
    "left": _left,
}


def _batch(
    services: Services,
    event: dict[str, Any],
    workers: Mapping[str, Worker],
    queue: Queue,
    dead: Queue,
) -> dict[str, Any]:
    failed: list[str] = []
    blocked: set[str] = set()
    for record in event["Records"]:
        group = record["attributes"].get("MessageGroupId")
        with telemetry.context(message_id=record["messageId"]):
            if group in blocked or not _settle(services, record, workers, queue, dead):
                failed.append(record["messageId"])
                if group is not None:
                    blocked.add(group)
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}


def _settle(
    services: Services,
    record: dict[str, Any],
    workers: Mapping[str, Worker],
    queue: Queue,
    dead: Queue,
) -> bool:
    """Run a record; False when it must come again, after a delay of its own."""
    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    try:
        job = _parse(record["body"], workers)
        if job is None:
            _bury(record, dead)
            return True
        delay_s = workers[job["kind"]](services, job, attempt)
    except (KeyError, TypeError, AttributeError) as fault:
        # A job that our own code cannot read will not become readable: it must not hold up
        # its group for all its receives.
        telemetry.error("job_unreadable", fault)
        return _try(lambda: _bury(record, dead))
    except Exception as fault:  # noqa: BLE001 - the edge: the queue tries again
        telemetry.error("job_failed", fault, attempt=attempt)
        delay_s = min(2 ** (attempt - 1), BACKOFF_CAP_S)
    if delay_s is None:
        return True
    _try(lambda: queue.hide(record["receiptHandle"], delay_s))
    return False


def _parse(body: str, workers: Mapping[str, Worker]) -> dict[str, Any] | None:
    try:
        job = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return job if isinstance(job, dict) and job.get("kind") in workers else None


def _bury(record: dict[str, Any], dead: Queue) -> None:
    """Move a poisoned record to the dead-letter queue as it came."""
    telemetry.log("ERROR", "job_poisoned")
    try:
        body = json.loads(record["body"])
        kind, fields = body.pop("kind"), body
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        kind, fields = "unreadable", {"raw": record["body"]}
    group = record["attributes"].get("MessageGroupId")
    dead.send([Job(str(kind), fields, group=group, dedupe=record["messageId"] if group else None)])


def _try(act: Callable[[], None]) -> bool:
    """Do it, or log that it failed: the record then comes back after its visibility time-out."""
    try:
        act()
    except Exception as fault:  # noqa: BLE001 - the edge
        telemetry.error("queue_call_failed", fault)
        return False
    return True
