"""What may be asked of `POST /dev/chaos`, and what is said of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.stack.regions.orders import FAULTS, BadOrder, Order, parse

REGIONS = ("us-east-1", "eu-west-1")


def asked(**fields: Any) -> Order:
    return parse(json.dumps(fields).encode(), REGIONS, "us-east-1")


def test_orders() -> None:
    assert asked(fault="kill") == Order("us-east-1", "all", "kill")
    assert asked(region="eu-west-1", service="redis", fault="delay", value=50) == Order(
        "eu-west-1", "redis", "delay", 50.0
    )
    assert asked(service="sqs", fault="throttle", value=0.2).value == 0.2
    assert asked(service="functions", fault="clock", value=-200).value == -200.0
    lag = asked(service="replication", fault="lag", value=500, jitter=100, peer="eu-west-1")
    assert (lag.value, lag.jitter_ms, lag.peer) == (500.0, 100.0, "eu-west-1")
    assert asked(heal=True) == Order("us-east-1")
    assert asked(heal=True, service="redis") == Order("us-east-1", "redis")


@pytest.mark.parametrize("service", FAULTS)
def test_every_fault_of_a_service_can_be_asked_for(service: str) -> None:
    for fault in FAULTS[service]:
        assert asked(service=service, fault=fault, value=1).fault == fault


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "fault of all must be one of: refuse"),
        ({"fault": "kill", "region": "mars"}, "region must be one of: us-east-1, eu-west-1"),
        ({"fault": "kill", "service": "s3"}, "service must be one of"),
        ({"fault": "throttle", "service": "redis"}, "fault of redis must be one of"),
        ({"fault": "delay", "service": "redis"}, "delay needs a value: milliseconds"),
        ({"fault": "delay", "service": "redis", "value": -1}, "from 0"),
        ({"fault": "refuse", "value": 2}, "share of the calls"),
        ({"fault": "refuse", "value": True}, "share of the calls"),
        ({"fault": "kill", "peer": "eu-west-1"}, "only faults of replication"),
        ({"fault": "pause", "service": "replication", "peer": "us-east-1"}, "peer must be"),
        ({"fault": "kill", "heal": True}, "either"),
        ({"fault": "kill", "more": 1}, "some of"),
        ({"fault": ["kill"]}, "must be one of"),
    ],
)
def test_what_cannot_be_done_is_said(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(BadOrder, match=words):
        asked(**fields)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"[" * 100_000])
def test_no_order_at_all(body: bytes) -> None:
    with pytest.raises(BadOrder):
        parse(body, REGIONS)
