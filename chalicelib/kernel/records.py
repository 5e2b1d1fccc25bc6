"""JSON forms of entries and targets, for jobs and Redis; and the SQS message of a job.

During a deployment or rollback, one version reads what another has written. So fields are only
added (to a target only at its end), and a reader ignores fields that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..model.connections import Target
from ..model.jobs import QueuedJob
from ..model.log import Entry, EntryKind
from . import nesting
from .errors import TooLarge

_OF_ENTRY = tuple(each.name for each in fields(Entry))
_OF_TARGET = len(fields(Target))

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MOST_JOB_BYTES = 256 * 1024


def target_to_json(target: Target) -> list[str | int]:
    """The compact form of a target: its fields in their order."""
    return [
        target.connection_id,
        target.user_id,
        target.api_id,
        target.stage,
        target.region,
        target.protocol,
        target.connected_at_ms,
        target.sid,
        target.takes_arrays,
    ]


def target_from_json(record: Sequence[Any]) -> Target:
    return Target(*record[:_OF_TARGET])


def entry_to_json(entry: Entry) -> dict[str, Any]:
    """Unset fields are left out. The content is not copied."""
    known = ((name, getattr(entry, name)) for name in _OF_ENTRY)
    return {
        name: value
        for name, value in known
        if name == "content" or not (value is None or value == "" or value is False)
    }


def entry_from_json(record: Mapping[str, Any]) -> Entry:
    known = {name: value for name, value in record.items() if name in _OF_ENTRY}
    content = nesting.readable(known.get("content"))
    return Entry(**{**known, "kind": EntryKind(record["kind"]), "content": content})


def job_to_text(job: QueuedJob) -> str:
    """The SQS message of a job. ASCII only: SQS refuses some characters, and one is one byte.

    Raises:
        TooLarge: The message exceeds the limit of SQS.
    """
    text = dump(job.record())
    if len(text) > MOST_JOB_BYTES:
        raise TooLarge(f"the job has {len(text)} bytes, the limit of SQS is {MOST_JOB_BYTES}")
    return text


def dump(value: Any) -> str:
    """Compact JSON in ASCII."""
    return json.dumps(value, separators=(",", ":"))
