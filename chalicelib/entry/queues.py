"""SQS batches to the domain: partial batch responses, dead letters.

A FIFO batch may hold several groups; they are served side by side. After a failure the later
records of *that* group are failed unprocessed, so that order holds; other groups go on.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import contextvars
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .. import telemetry
from ..backlog import hopeless
from ..model import Job
from ..ports import Queue
from ..records import entry_from_json, target_from_json
from ..services import Services

BACKOFF_CAP_S = 64

# Takes jobs of one kind and the attempt, from 1; answers None when they are settled, or the
# seconds after which to try them again.
Worker = Callable[[Services, Sequence[Mapping[str, Any]], int], int | None]


def deliver(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """The delivery.fifo trigger."""
    adapters = services.adapters
    return _batch(_Trigger(services, DELIVER, adapters.delivery, adapters.delivery_dead), event)


def outbound(services: Services, event: dict[str, Any]) -> dict[str, Any]:
    """The outbound trigger."""
    adapters = services.adapters
    return _batch(_Trigger(services, OUTBOUND, adapters.outbound, adapters.outbound_dead), event)


DELIVER: dict[str, Worker] = {
    "entry": lambda services, jobs, attempt: services.delivery.entries(jobs, attempt),
    "part": lambda services, jobs, attempt: services.delivery.part(jobs[0], attempt),
    "direct": lambda services, jobs, attempt: services.delivery.direct(jobs[0], attempt),
    "recovery_start": lambda services, jobs, attempt: services.recovery.start(jobs[0]),
    "recovery_entry": lambda services, jobs, attempt: services.recovery.deliver(jobs[0], attempt),
    "presence": lambda services, jobs, attempt: services.presences.settle(jobs[0]),
    "room_updated": lambda services, jobs, attempt: services.delivery.room_updated(jobs[0]),
    # Its letters are in this queue's dead letters, and come here when they are sent again.
    "set_aside": lambda services, jobs, attempt: services.delivery.again(jobs[0], attempt),
}
OUTBOUND: dict[str, Worker] = {
    # Its dead letters are in this queue's, and come here when they are sent again.
    "direct": lambda services, jobs, attempt: services.delivery.direct(jobs[0], attempt),
    "retry": lambda services, jobs, attempt: services.delivery.retry(jobs[0]),
    "typing": lambda services, jobs, attempt: services.ephemeral.deliver_typing(jobs[0]),
    "typing_expired": lambda services, jobs, attempt: services.ephemeral.expire_typing(jobs[0]),
    "room_view": lambda services, jobs, attempt: services.ephemeral.deliver_room_view(jobs[0]),
    "register": lambda services, jobs, attempt: services.connections.register_again(
        jobs[0]["connection_id"]
    ),
    "expire": lambda services, jobs, attempt: services.connections.expire(jobs[0]["connection_id"]),
    "disconnect": lambda services, jobs, attempt: services.connections.disconnect_user(
        jobs[0]["user_id"], jobs[0]["at_ms"]
    ),
    "presence_due": lambda services, jobs, attempt: services.connections.look(
        [jobs[0]["user_id"]], due=True
    ),
    "friends_changed": lambda services, jobs, attempt: services.presences.befriended(
        jobs[0]["user_id"], jobs[0]["friend_id"]
    ),
    "read": lambda services, jobs, attempt: services.receipts.deliver(jobs[0]),
    "delivered": lambda services, jobs, attempt: services.receipts.tell_delivered(jobs[0], attempt),
    "read_counts": lambda services, jobs, attempt: services.receipts.deliver_counts(jobs[0]),
    "engine_open": lambda services, jobs, attempt: services.engine.greet(jobs[0]),
    "engine_refuse": lambda services, jobs, attempt: services.engine.refuse(jobs[0]),
    "engine_upgrade": lambda services, jobs, attempt: services.upgrades.finish(jobs[0]),
    "heartbeat": lambda services, jobs, attempt: services.engine.beat(jobs[0]),
    "revive": lambda services, jobs, attempt: services.engine.revive(jobs[0]),
    "connect_timeout": lambda services, jobs, attempt: services.engine.connect_timeout(jobs[0]),
    "void": lambda services, jobs, attempt: services.delivery.void(
        jobs[0]["rooms"], jobs[0]["user_id"]
    ),
    "left": lambda services, jobs, attempt: services.ephemeral.left_all(jobs[0], attempt),
}
# Consecutive jobs of these kinds in a group go to their worker together; others one by one.
_TOGETHER = {"entry"}
# An entry of these that cannot be delivered is set aside; those of "entry" with the cursor moved.
_SET_ASIDE = {"part", "direct", "recovery_entry"}
_OF_ENTRIES = {"entry", "part", "direct", "recovery_entry"}


@dataclass(frozen=True, slots=True)
class _Trigger:
    """One queue's trigger.

    Attributes:
        dead: Where a record goes that cannot be read.
    """

    services: Services
    workers: Mapping[str, Worker]
    queue: Queue
    dead: Queue


@dataclass(frozen=True, slots=True)
class _Unit:
    """Records that succeed or fail together; without a kind, one that cannot be read."""

    kind: str | None
    jobs: list[dict[str, Any]]
    records: list[dict[str, Any]]


def _batch(trigger: _Trigger, event: dict[str, Any]) -> dict[str, Any]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in event["Records"]:
        group = record["attributes"].get("MessageGroupId") or record["messageId"]
        groups.setdefault(group, []).append(record)
    if len(groups) == 1:
        failed = [_group(trigger, records) for records in groups.values()]
    else:
        # Side by side: a group that waits for a slow connection holds up no other.
        with ThreadPoolExecutor(len(groups)) as pool:
            running = [
                pool.submit(contextvars.copy_context().run, _group, trigger, records)
                for records in groups.values()
            ]
            failed = [each.result() for each in running]
    return {"batchItemFailures": [{"itemIdentifier": i} for ids in failed for i in ids]}


def _group(trigger: _Trigger, records: list[dict[str, Any]]) -> list[str]:
    """Serve a group in its order up to the first failure; the ids of what must come again."""
    units = _units(trigger, records)
    for number, unit in enumerate(units):
        with telemetry.context(message_id=unit.records[0]["messageId"]):
            delay_s = _settle(trigger, unit)
            if delay_s is None:
                continue
            left = [record for later in units[number:] for record in later.records]
            # All of them: the group is served again only when none of it is hidden.
            for record in left:
                _try(functools.partial(trigger.queue.hide, record["receiptHandle"], delay_s))
            return [record["messageId"] for record in left]
    return []


def _units(trigger: _Trigger, records: list[dict[str, Any]]) -> list[_Unit]:
    units: list[_Unit] = []
    for record in records:
        job = _parse(record["body"])
        kind = job["kind"] if job is not None else None
        if units and kind in _TOGETHER and units[-1].kind == kind and job is not None:
            units[-1].jobs.append(job)
            units[-1].records.append(record)
        else:
            units.append(_Unit(kind, [job] if job is not None else [], [record]))
    return units


def _settle(trigger: _Trigger, unit: _Unit) -> int | None:
    """Run a unit; None when it is settled, or the seconds after which it must come again."""
    attempt = max(int(r["attributes"]["ApproximateReceiveCount"]) for r in unit.records)
    try:
        if unit.kind is None:
            _bury(unit.records[0], trigger.dead)
            return None
        worker = trigger.workers.get(unit.kind)
        if worker is not None:
            return worker(trigger.services, unit.jobs, attempt)
        telemetry.log("WARNING", "job_unknown", kind=unit.kind)  # another version's may take it
    except Exception as fault:  # noqa: BLE001 - the edge: the queue tries again
        telemetry.error("job_failed", fault, attempt=attempt)
        if _set_aside(trigger, unit, fault, attempt):
            return None
    return min(1 << (attempt - 1), BACKOFF_CAP_S)


def _set_aside(trigger: _Trigger, unit: _Unit, fault: Exception, attempt: int) -> bool:
    """Whether the unit's entry was set aside: what fails for good must not hold up its group."""
    if unit.kind not in _SET_ASIDE or not hopeless(fault, attempt):
        return False
    backlog, record = trigger.services.backlog, unit.jobs[0]["entry"]
    return _try(lambda: backlog.set_aside(entry_from_json(record), fault, attempt))


def _parse(body: str) -> dict[str, Any] | None:
    """The job; None for what will never become readable: it must not hold up its group.

    What is only strange to this version, a kind or a field, is not of that sort.
    """
    try:
        job = dict(json.loads(body))
        if not isinstance(job["kind"], str):
            return None
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    try:
        if job["kind"] in _OF_ENTRIES:
            entry_from_json(job["entry"])
        for target in [job["target"]] if "target" in job else job.get("targets", ()):
            target_from_json(target)
    except (KeyError, TypeError, AttributeError):
        return None
    except ValueError:
        return job  # an entry of a kind that is not known here
    return job


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
