"""What may be asked of `POST /dev/chaos`, checked and as data. Pure.

`{"region", "service", "fault", "value"?, "jitter"?, "peer"?}` begins a fault, `{"region",
"service"?, "heal": true}` ends those of a region or of one service.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from workbench.gateway.faults import Kind, Service

ALL, REPLICATION = "all", "replication"
KILL, CLOCK = "kill", "clock"
PAUSE, LAG, PARTITION = "pause", "lag", "partition"
DEPLOY, ROLLBACK = "deploy", "rollback"
_COMMON = (Kind.REFUSE, Kind.DELAY, Kind.HANG, Kind.CUT)
# Which faults each service can have.
FAULTS: dict[str, tuple[str, ...]] = {
    ALL: (*_COMMON, KILL, PARTITION, CLOCK),
    Service.GATEWAY: (*_COMMON, Kind.THROTTLE, KILL),
    Service.FUNCTIONS: (*_COMMON, Kind.THROTTLE, KILL, CLOCK, DEPLOY),
    Service.CONNECTIONS: (*_COMMON, Kind.THROTTLE, Kind.GONE),
    Service.DYNAMODB: (*_COMMON, Kind.THROTTLE, KILL),
    Service.SQS: (*_COMMON, Kind.THROTTLE, KILL),
    Service.SNS: (*_COMMON, Kind.THROTTLE, KILL),
    Service.REDIS: (*_COMMON, KILL, ROLLBACK),
    REPLICATION: (PAUSE, LAG, PARTITION),
}
_NEED_VALUE = dict.fromkeys((Kind.DELAY, LAG, CLOCK, ROLLBACK), "milliseconds")
_MOST_MS = 24 * 3_600_000.0
_FIELDS = {"region", "service", "fault", "value", "jitter", "peer", "heal"}


class BadOrder(ValueError):
    """It cannot be done, and what can, in words for who asked."""


@dataclass(frozen=True, slots=True)
class Order:
    """A fault to begin, or to end when `fault` is None.

    Attributes:
        service: A `Service`, `replication`, or `all`.
        value: Milliseconds of delay, lag, clock and rollback; the share of the functions that are
            deployed; of other faults the share of the calls.
        jitter_ms: Of a lag.
        peer: Of replication's faults: this region only, instead of all others.
    """

    region: str
    service: str = ALL
    fault: str | None = None
    value: float = 1.0
    jitter_ms: float = 0.0
    peer: str | None = None


def parse(body: bytes, regions: Collection[str], default: str | None = None) -> Order:
    """An order from JSON; `default` is the region that is meant when it names none.

    Raises:
        BadOrder: It cannot be carried out here.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadOrder("the body must be JSON") from error
    if not isinstance(asked, dict) or not asked.keys() <= _FIELDS:
        raise BadOrder(f"the body must be an object with some of: {', '.join(sorted(_FIELDS))}")
    region = _one_of("region", asked.get("region", default), regions)
    service = _one_of("service", asked.get("service", ALL), FAULTS)
    if asked.get("heal") is True:
        if "fault" in asked:
            raise BadOrder("give either a fault or heal")
        return Order(region, service)
    fault = _one_of(f"fault of {service}", asked.get("fault"), FAULTS[service])
    peer = asked.get("peer")
    if peer is not None:
        if service != REPLICATION:
            raise BadOrder("only faults of replication have a peer")
        peer = _one_of("peer", peer, [each for each in regions if each != region])
    jitter_ms = _number("jitter", asked.get("jitter", 0), 0, _MOST_MS)
    return Order(region, service, fault, _value(fault, asked), jitter_ms, peer)


def _value(fault: str, asked: dict[str, Any]) -> float:
    if fault not in _NEED_VALUE:
        return _number("value, the share of the calls,", asked.get("value", 1), 0, 1)
    if "value" not in asked:
        raise BadOrder(f"{fault} needs a value: {_NEED_VALUE[fault]}")
    least = -_MOST_MS if fault == CLOCK else 0
    return _number("value", asked["value"], least, _MOST_MS)


def _number(name: str, given: Any, least: float, most: float) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given <= most:
        raise BadOrder(f"{name} must be a number from {least:g} to {most:g}")
    return float(given)


def _one_of(name: str, given: Any, known: Collection[str]) -> str:
    if not isinstance(given, str) or given not in known:
        raise BadOrder(f"{name} must be one of: {', '.join(known)}")
    return str(given)
