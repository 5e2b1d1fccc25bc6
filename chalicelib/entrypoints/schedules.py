"""Handlers of scheduled events: the sweep and the report of metrics."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import wire
from ..connections import expiry
from ..contract.events import Ping
from ..jobs.outbound import SweepBucket
from ..kernel import telemetry, times
from ..kernel.errors import CacheDown
from ..model.connections import Target
from ..services import Services


def report(services: Services, event: dict[str, Any]) -> dict[str, float]:
    """Put the region's connections and message rate into CloudWatch, as far as they are known.

    While Redis is down nothing is known; an alarm fires when the metrics are missing.
    """
    now_ms = services.adapters.clock.now_ms
    with telemetry.invocation(now_ms, "reported", function="report", request_id=event.get("id")):
        try:
            traffic = services.adapters.cache.traffic(now_ms())
        except CacheDown as fault:
            telemetry.note("traffic_not_read")
            telemetry.error("traffic_not_read", fault)
            return {}
        values: dict[str, tuple[float, str]] = {}
        if traffic.connections is not None:
            values["ActiveConnections"] = (traffic.connections, "Count")
        if traffic.seconds:
            values["MessageRate"] = (traffic.messages / traffic.seconds, "Count/Second")
        if values:
            services.adapters.metrics.put(values, now_ms())
        return {name: value for name, (value, _) in values.items()}


def sweep(services: Services, event: dict[str, Any]) -> dict[str, int]:
    """Ping silent connections, clean up dead ones, and restore what Redis has lost."""
    now_ms = services.adapters.clock.now_ms
    with telemetry.invocation(now_ms, "swept", function="sweep", request_id=event.get("id")):
        counts = services.sweep.run(partial(_ping, services), expiry.warning)
        telemetry.note("swept", **counts)
        services.draining.go_on()
        return counts


def sweep_bucket(services: Services, job: SweepBucket) -> None:
    """Do for one bucket what the scheduled sweep had no time for."""
    services.sweep.bucket(job, partial(_ping, services), expiry.warning)


def _ping(services: Services, target: Target) -> bytes | None:
    return wire.encode(target.protocol, Ping(times.iso(services.adapters.clock.now_ms())))
