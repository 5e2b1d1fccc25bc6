"""The secret, the alarms, and how far the replicas of the tables are behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operate.checks import Check
from operate.tokens import NoSecret, jwt_secret

from .metrics import Metrics
from .subject import GUIDE, Subject, fault, warning, well

SECRET, ALARMS, LAG = "secret", "alarms", "region-lag"
_SHORTEST_BYTES = 32  # of a key for HS256: RFC 7518, section 3.2
LAG_MS = 30_000  # as the alarm

# How the short names of the alarms in terraform/modules/monitoring/alarms.tf begin. They tell the
# alarms of `chat` from those of `chat-eu`.
ALARM_KINDS = (
    "clocks-differ",
    "concurrency",
    "connects",
    "dead-letters",
    "delivery-latency",
    "entries-passed-over",
    "entries-set-aside",
    "errors",
    "events-not-brought",
    "events-not-published",
    "http-5xx",
    "limits-open",
    "posts-refused",
    "posts-to-retry",
    "queue-age",
    "redis-cpu",
    "redis-memory",
    "redis-throttles",
    "replication",
    "report-silent",
    "stream-age",
    "sweep-silent",
    "table-throttles",
    "throttles",
    "websocket-errors",
)


def secret(subject: Subject) -> list[Check]:
    """Whether it is there, with a key that is long enough."""
    manager = subject.client("secretsmanager")
    name, section = subject.full("secrets"), "rotating-the-secret"

    def problems() -> Iterator[Check]:
        try:
            value = manager.get_secret_value(SecretId=name).get("SecretString")
            key = jwt_secret(value, name)
        except manager.exceptions.ResourceNotFoundException:
            found = f"{name} is not there, or has no value"
            yield fault(SECRET, found, "Restore it, or deploy again", section)
        except NoSecret as why:
            yield fault(SECRET, str(why), "Write it as the guide says", section)
        else:
            if len(key.encode()) < _SHORTEST_BYTES:
                found = f"the key in {name} has under {_SHORTEST_BYTES} bytes: it can be guessed"
                yield warning(SECRET, found, "Rotate it", section)

    return well(SECRET, f"{name} has a key", problems())


def alarms(subject: Subject) -> list[Check]:
    """Those that ring, in their own words."""
    pages = subject.client("cloudwatch").get_paginator("describe_alarms")
    found = [
        alarm
        for page in pages.paginate(AlarmNamePrefix=f"{subject.name}-")
        for alarm in page["MetricAlarms"]
        if _is_own(subject, alarm["AlarmName"])
    ]
    if not found:
        remedy = "Set monitoring.create, unless you have your own"
        return [warning(ALARMS, "there are none", remedy, "when-an-alarm-goes-off")]
    return well(ALARMS, f"none of {len(found)} rings", _ringing(subject, found))


def _is_own(subject: Subject, name: str) -> bool:
    short = name.removeprefix(subject.full(""))
    return any(short == kind or short.startswith(f"{kind}-") for kind in ALARM_KINDS)


def _ringing(subject: Subject, found: list[dict[str, Any]]) -> Iterator[Check]:
    for alarm in found:
        name = alarm["AlarmName"]
        if alarm.get("StateValue") == "ALARM":
            why, _, what = str(alarm.get("AlarmDescription", "")).partition("What to do: ")
            guide = what or f"{GUIDE}#when-an-alarm-goes-off"
            yield Check(ALARMS, "fault", f"{name} rings. {why.strip()}", "Do what it says", guide)
        if alarm.get("ActionsEnabled") is False:
            remedy = f"`aws cloudwatch enable-alarm-actions --alarm-names {name}`"
            yield warning(ALARMS, f"{name} tells nobody", remedy, "when-an-alarm-goes-off")


def lag(subject: Subject) -> list[Check]:
    """How late the replicas got what this region wrote; nothing with one region."""
    dynamodb = subject.client("dynamodb")
    metrics = Metrics(subject.client("cloudwatch"))
    name = subject.full("messages")
    replicas = dynamodb.describe_table(TableName=name)["Table"].get("Replicas", [])
    others = [each["RegionName"] for each in replicas if each["RegionName"] != subject.region]
    if not others:
        return []

    def problems() -> Iterator[Check]:
        for region in others:
            dimensions = {"TableName": name, "ReceivingRegion": region}
            late_ms = metrics.most("AWS/DynamoDB", "ReplicationLatency", **dimensions)
            if late_ms is not None and late_ms > LAG_MS:
                found = f"{region} got {name} up to {late_ms / 1000:.0f} s late"
                yield fault(LAG, found, "Wait; do not close this region", "replication-lags")

    return well(LAG, f"{', '.join(others)} are not late", problems())
