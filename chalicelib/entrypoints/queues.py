"""Run the jobs of SQS batches: partial batch responses, dead letters.

A FIFO batch may hold several groups, which run in parallel. After a failure, the later records
of *that* group also fail, unprocessed, to keep the order; other groups continue.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..jobs import JOBS, Job
from ..jobs.base import Malformed, RawJob
from ..kernel import telemetry
from ..kernel.errors import CacheDown, Unavailable
from ..messaging.backlog import hopeless
from ..ports.queues import Queue
from ..services import Services
from .workers import DELIVER, OUTBOUND, RELAY, SET_ASIDE, TOGETHER, Worker

# A job that waited for a service runs again at most this long after the service is back.
BACKOFF_CAP_S = 30
# Receives of a job that fails, but not because of an outage. The queues allow a thousand, which
# is eight hours of outage at this backoff.
MOST_ATTEMPTS = 6
MOST_ATTEMPTS_UNKNOWN = 12  # while two versions run side by side: about four minutes
MOST_DEATHS = 3  # of workers of a job, after MOST_ATTEMPTS
_DEATHS_S = 3600


def deliver(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """The delivery.fifo trigger."""
    adapters = services.adapters
    return _batch(
        "deliver", _Trigger(services, DELIVER, adapters.delivery, adapters.delivery_dead), event
    )


def outbound(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """The outbound trigger."""
    adapters = services.adapters
    return _batch(
        "outbound", _Trigger(services, OUTBOUND, adapters.outbound, adapters.outbound_dead), event
    )


def relay(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """The inbox trigger: what topics of other regions bring."""
    adapters = services.adapters
    return _batch("relay", _Trigger(services, RELAY, adapters.inbox, adapters.inbox_dead), event)


@dataclass(frozen=True, slots=True)
class _Trigger:
    """One queue's trigger.

    Attributes:
        dead: The queue for records that cannot be read.
    """

    services: Services
    workers: Mapping[type[Job], Worker]
    queue: Queue
    dead: Queue


@dataclass(frozen=True, slots=True)
class _Unit:
    """Records that succeed or fail together.

    Attributes:
        jobs: The jobs of the records; empty if the record cannot be read.
        kind: The kind of a record that this version cannot read, but another version may.
    """

    records: list[dict[str, Any]]
    jobs: list[Job] = field(default_factory=list)
    kind: str | None = None


def _batch(function: str, trigger: _Trigger, event: dict[str, Any]) -> dict[str, Any]:
    now_ms, records = trigger.services.adapters.clock.now_ms, event["Records"]
    with telemetry.invocation(now_ms, "jobs", function=function):
        failed = _groups(trigger, records)
        telemetry.note("jobs", jobs=len(records), failed=len(failed))
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _groups(trigger: _Trigger, batch: list[dict[str, Any]]) -> list[str]:
    """Run the groups of a batch; return the message ids to retry."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in batch:
        group = record["attributes"].get("MessageGroupId") or record["messageId"]
        groups.setdefault(group, []).append(record)
    running = _Running(len(groups))
    # In parallel: a group that waits for a slow connection does not delay the others.
    failed = trigger.services.adapters.parallel.run(
        [functools.partial(_group, trigger, records, running) for records in groups.values()]
    )
    return [message_id for ids in failed for message_id in ids]


class _Running:
    """Counts the groups of a batch that still run."""

    def __init__(self, groups: int) -> None:
        self._lock = threading.Lock()
        self._groups = groups

    def ended(self) -> int:
        """One group has ended; return how many still run."""
        with self._lock:
            self._groups -= 1
            return self._groups


def _group(trigger: _Trigger, records: list[dict[str, Any]], running: _Running) -> list[str]:
    """Run a group in order up to the first failure; return the message ids to retry.

    A FIFO group is locked until its records are deleted, and Lambda deletes them when the whole
    batch has returned. So a group that ends before others deletes its own: its room need not
    wait for the slowest room of the batch. Lambda deletes them once more, which does nothing.
    """
    left = _run(trigger, records)
    done = [record["receiptHandle"] for record in records if record["messageId"] not in left]
    fifo = "MessageGroupId" in records[0]["attributes"]
    if running.ended() and fifo and done:
        _try(lambda: trigger.queue.delete(done))
    return left


def _run(trigger: _Trigger, records: list[dict[str, Any]]) -> list[str]:
    units = _units(trigger, records)
    for number, unit in enumerate(units):
        with telemetry.context(message_id=unit.records[0]["messageId"]):
            delay_s = _settle(trigger, unit)
            if delay_s is None:
                continue
            left = [record for later in units[number:] for record in later.records]
            # Hide all of them: SQS delivers a group again only when none of it is hidden.
            for record in left:
                _try(functools.partial(trigger.queue.hide, record["receiptHandle"], delay_s))
            return [record["messageId"] for record in left]
    return []


def _units(trigger: _Trigger, records: list[dict[str, Any]]) -> list[_Unit]:
    units: list[_Unit] = []
    for record in records:
        job, kind = _read(record["body"])
        if job is not None and type(job) not in trigger.workers:
            kind, job = job.kind, None
        before = units[-1].jobs if units else []
        if job is not None and type(job) in TOGETHER and before and type(before[0]) is type(job):
            before.append(job)
            units[-1].records.append(record)
        else:
            units.append(_Unit([record], [job] if job is not None else [], kind))
    return units


def _settle(trigger: _Trigger, unit: _Unit) -> int | None:
    """Run a unit. Returns None when it is settled, or the seconds until its retry.

    What fails because a service is away is retried until the service is back. What fails for
    another reason, or kills its workers, goes to the dead letters after some attempts.
    """
    attempt = max(int(r["attributes"]["ApproximateReceiveCount"]) for r in unit.records)
    most = MOST_ATTEMPTS
    try:
        if unit.jobs:
            work: Any = unit.jobs if type(unit.jobs[0]) in TOGETHER else unit.jobs[0]
            if _kills(trigger, unit, attempt):
                return _give_up(trigger, unit)
            delay_s = trigger.workers[type(unit.jobs[0])](trigger.services, work, attempt)
            if delay_s is not None:
                _survived(trigger, unit, attempt)
            return delay_s
        if unit.kind is None:
            _move_to_dead_letters(unit.records[0], trigger.dead)
            return None
        telemetry.log("WARNING", "job_unknown", kind=unit.kind)  # another version may know it
        most = MOST_ATTEMPTS_UNKNOWN
    except Exception as fault:  # noqa: BLE001 - the edge: the queue tries again
        telemetry.error("job_failed", fault, attempt=attempt)
        if unit.jobs and _set_aside(trigger, unit.jobs[0], fault, attempt):
            return None
        _survived(trigger, unit, attempt)
        if isinstance(fault, Unavailable):
            return _backoff_s(attempt)
    if attempt > most:
        return _give_up(trigger, unit)
    return _backoff_s(attempt)


def _backoff_s(attempt: int) -> int:
    return min(1 << min(attempt - 1, 10), BACKOFF_CAP_S)


def _give_up(trigger: _Trigger, unit: _Unit) -> int | None:
    """Move a unit's records to the dead letters. Returns as `_settle`."""

    def move() -> None:
        for record in unit.records:
            _move_to_dead_letters(record, trigger.dead)

    return None if _try(move) else BACKOFF_CAP_S


def _kills(trigger: _Trigger, unit: _Unit, attempt: int) -> bool:
    """Whether several workers died of this unit: they neither settled nor failed it.

    It is counted after MOST_ATTEMPTS only, and not while the cache is away.
    """
    if attempt <= MOST_ATTEMPTS:
        return False
    try:
        begun = trigger.services.adapters.cache.tally(_begun(unit), _DEATHS_S)
    except CacheDown:
        return False
    return begun > MOST_DEATHS


def _survived(trigger: _Trigger, unit: _Unit, attempt: int) -> None:
    if attempt > MOST_ATTEMPTS:
        _try(lambda: trigger.services.adapters.cache.forget(_begun(unit)))


def _begun(unit: _Unit) -> str:
    return f"begun:{unit.records[0]['messageId']}"


def _set_aside(trigger: _Trigger, job: Job, fault: Exception, attempt: int) -> bool:
    """Set the job's entry aside if it fails permanently, so that its group continues."""
    if not isinstance(job, SET_ASIDE) or not hopeless(fault, attempt):
        return False
    backlog = trigger.services.backlog
    return _try(lambda: backlog.set_aside(job.entry, fault, attempt))


def _read(body: str) -> tuple[Job | None, str | None]:
    """The job, or its kind if only another version can read it; (None, None) if none can.

    A record that no version can read must not block its group.
    """
    try:
        record = dict(json.loads(body))
        kind = record["kind"]
        if not isinstance(kind, str):
            return None, None
    except (ValueError, RecursionError, KeyError, TypeError):
        return None, None
    known = JOBS.get(kind)
    if known is None:
        return None, kind
    try:
        return known.of_record(record), None
    except Malformed:
        return None, None
    except (KeyError, TypeError, ValueError):
        return None, kind  # another version's fields or kind of entry


def _move_to_dead_letters(record: dict[str, Any], dead: Queue) -> None:
    """Send a record to the dead-letter queue, unchanged."""
    telemetry.log("ERROR", "job_poisoned")
    try:
        fields = dict(json.loads(record["body"]))
        kind = str(fields.pop("kind"))
    except (ValueError, RecursionError, KeyError, TypeError):
        kind, fields = "unreadable", {"raw": record["body"]}
    group = record["attributes"].get("MessageGroupId")
    dedupe = record["messageId"] if group else None
    dead.send([RawJob(kind, fields, group, dedupe)])


def _try(act: Callable[[], None]) -> bool:
    """Run `act`. If it fails, log it: SQS redelivers the record after its visibility timeout."""
    try:
        act()
    except Exception as fault:  # noqa: BLE001 - the edge
        telemetry.error("queue_call_failed", fault)
        return False
    return True
