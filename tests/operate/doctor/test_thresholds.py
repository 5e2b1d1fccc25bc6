"""The doctor and the preflight call ill what the alarms of the same deployment call so."""

from __future__ import annotations

from operate.doctor import account, functions, queues
from operate.preflight import quotas
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
