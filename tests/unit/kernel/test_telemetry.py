"""Lines: one JSON object each, without payloads; metrics in CloudWatch's embedded format."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.kernel import telemetry
from tests.support.world import World

UNITS = {"Count", "Milliseconds"}


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(message) for message in caplog.messages]


def check_embedded(line: dict[str, Any]) -> list[str]:
    """The rules of the specification; the metrics' names."""
    assert isinstance(line["_aws"]["Timestamp"], int)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 1 <= len(directive["Namespace"]) <= 1024
    assert directive["Dimensions"] == [[]]
    assert 1 <= len(directive["Metrics"]) <= 100
    for metric in directive["Metrics"]:
        assert metric["Unit"] in UNITS
        assert isinstance(line[metric["Name"]], int), "its target is on the root"
    return [metric["Name"] for metric in directive["Metrics"]]


def test_a_measure_is_a_line_and_its_metrics(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "chalicelib")
    with telemetry.context(function="deliver"):
        telemetry.measure("delivered", 5, entries_delivered=2, delivery_latency_ms=40)
    (line,) = lines(caplog)
    assert (line["event"], line["function"], line["delivery_latency_ms"]) == (
        "delivered",
        "deliver",
        40,
    )
    assert check_embedded(line) == ["entries_delivered", "delivery_latency_ms"]
    units = {m["Name"]: m["Unit"] for m in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units == {"entries_delivered": "Count", "delivery_latency_ms": "Milliseconds"}


def test_a_delivery_is_measured(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "chalicelib")
    world = World()
    world.room("alice", "bob")
    alice, _ = world.connect("alice"), world.connect("bob")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "a secret"}
    world.act(alice, "send_message", **body)
    world.clock.ms += 70
    world.pump()
    measured = {line["event"]: line for line in lines(caplog) if "_aws" in line}
    assert set(measured) == {"posted", "delivered"}
    for line in measured.values():
        check_embedded(line)
    assert measured["posted"]["posts_delivered"] == 1
    assert measured["delivered"]["delivery_latency_ms"] == 70


def test_no_line_carries_a_payload_or_a_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "a secret"}
    ack = world.act(alice, "send_message", client_message_id="c1", **body)
    world.ask(alice, "send_message", content="a secret")
    world.frame(alice, "not json: a secret")
    fresh = world.token("alice", 10**9)
    world.act(alice, "refresh_token", token=fresh)
    world.pump()
    world.act(alice, "delete_message", conversation_id="lobby", message_id=ack["message_id"])
    world.pump()
    world.disconnect(bob)
    assert len(caplog.messages) > 8
    assert "a secret" not in caplog.text
    assert fresh not in caplog.text
    assert fresh.rsplit(".", 1)[1] not in caplog.text
