"""The doctor and the preflight call ill what the alarms of the same deployment call so."""

from __future__ import annotations

import re

from operate.doctor import account, functions, queues
from operate.preflight import quotas
from tests.support.paths import ROOT
from workbench.reference.metrics import thresholds


def test_they_are_the_alarms_defaults() -> None:
    defaults = {name: int(value) for name, value in thresholds().items()}
    assert {
        "queue_age_s": queues.AGE_S,
        "outbound_dead_letters": queues.MOST_OUTBOUND,
        "function_errors": functions.ERRORS,
        "function_throttles": functions.THROTTLES,
        "replication_latency_ms": account.LAG_MS,
        "connects_per_minute": quotas.CONNECTS_PER_MINUTE,
    }.items() <= defaults.items()


def test_the_doctor_knows_every_alarm() -> None:
    text = (ROOT / "terraform/modules/monitoring/alarms.tf").read_text()
    names, _, _ = text.partition('resource "aws_cloudwatch_metric_alarm"')
    begin = re.findall(
        r'^      (?:for .+ : )?"([a-z0-9-]+?)(?:-\$\{.+)?" =>? \{$', names, re.MULTILINE
    )
    assert len(begin) == names.count("says      = ")
    assert set(begin) == set(account.ALARM_KINDS)
