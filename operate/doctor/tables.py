"""The tables: there, active, with the stream, the time to live and the recovery that they need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operate.checks import Check

from .subject import Subject, fault, warning, well

NAME = "tables"
_RESTORE = "restoring-a-table"


def check(subject: Subject) -> list[Check]:
    tables = subject.tables()
    found = f"all {len(tables)} are active, with what they need"
    return well(NAME, found, _problems(subject, tables))


def _problems(subject: Subject, tables: dict[str, dict[str, Any]]) -> Iterator[Check]:
    dynamodb = subject.client("dynamodb")
    for short, definition in tables.items():
        name = subject.full(short)
        try:
            table = dynamodb.describe_table(TableName=name)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            remedy = "Restore it before anybody deploys"
            yield fault(NAME, f"{name} is not there", remedy, _RESTORE)
            continue
        if table["TableStatus"] != "ACTIVE":
            remedy = "Wait until AWS has changed it"
            yield warning(NAME, f"{name} is {table['TableStatus']}", remedy, _RESTORE)
        if _has_stream(subject, short, definition) and not _streams(table):
            remedy = "Deploy again: what senders leave is carried from the stream"
            yield fault(NAME, f"{name} has no stream", remedy, "a-stream-is-behind")
        yield from _ages(dynamodb, name, definition)
        if subject.deployed:
            yield from _recovers(dynamodb, name)


def _has_stream(subject: Subject, short: str, definition: dict[str, Any]) -> bool:
    """As terraform/modules/tables makes them; local regions copy tables without streams."""
    if subject.deployed:
        return bool(definition["scope"] == "global")
    return short == "messages" and not subject.several


def _streams(table: dict[str, Any]) -> bool:
    return bool(table.get("StreamSpecification", {}).get("StreamEnabled"))


def _ages(dynamodb: Any, name: str, definition: dict[str, Any]) -> Iterator[Check]:
    wanted = definition.get("ttl")
    if wanted is None:
        return
    told = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if told.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        remedy = "Deploy again: without it, ended items stay and cost"
        yield fault(NAME, f"{name} has no time to live", remedy, _RESTORE)


def _recovers(dynamodb: Any, name: str) -> Iterator[Check]:
    told = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = told.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        remedy = "Set tables.point_in_time_recovery, unless that is what you want"
        yield warning(NAME, f"{name} has no point-in-time recovery", remedy, _RESTORE)
