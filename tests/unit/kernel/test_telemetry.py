"""Lines: one JSON object each, without payloads; metrics in CloudWatch's embedded format."""

from __future__ import annotations

import contextvars
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
        values = line[metric["Name"]]  # its target is on the root
        values = values if isinstance(values, list) else [values]
        assert 1 <= len(values) <= 100
        assert all(isinstance(value, int) for value in values)
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


def test_an_invocation_is_one_line_with_its_metrics(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "chalicelib")
    times = iter([1_000, 1_025])
    with telemetry.invocation(lambda: next(times), "jobs", function="deliver"):
        telemetry.measure("delivered", 5, entries_delivered=2, delivery_latency_ms=40)
        telemetry.measure("delivered", 9, entries_delivered=1, delivery_latency_ms=0)
        telemetry.measure("posted", 9, posts_delivered=3, posts_gone=0)
        telemetry.note("jobs", jobs=2)
    (line,) = lines(caplog)
    assert check_embedded(line) == ["entries_delivered", "delivery_latency_ms", "posts_delivered"]
    assert line["_aws"]["Timestamp"] == 1_025
    for name in ("_aws", "cold"):
        line.pop(name, None)
    assert line == {
        "level": "INFO",
        "event": "jobs",
        "function": "deliver",
        "jobs": 2,
        "took_ms": 25,
        "entries_delivered": 3,
        "delivery_latency_ms": [40, 0],
        "posts_delivered": 3,
    }


def test_a_line_has_no_more_values_of_a_metric_than_cloudwatch_reads(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "chalicelib")
    with telemetry.invocation(lambda: 0, "jobs"):
        for value in range(250):
            telemetry.measure("delivered", 0, delivery_latency_ms=value, entries_delivered=1)
    found = lines(caplog)
    for line in found:
        check_embedded(line)
    assert [value for line in found for value in line["delivery_latency_ms"]] == list(range(250))
    assert [line["entries_delivered"] for line in found] == [100, 100, 50]


def test_warnings_are_written_at_once_and_the_line_also_after_a_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "chalicelib")
    seen: list[str] = []

    def handle() -> None:
        with telemetry.invocation(lambda: 0, "jobs", function="relay"):
            telemetry.measure("relayed", 0, events_relayed=1)
            telemetry.log("WARNING", "register_failed")
            seen.extend(line["event"] for line in lines(caplog))
            raise KeyError

    with pytest.raises(KeyError):
        handle()
    assert seen == ["register_failed"]
    assert [line["event"] for line in lines(caplog)] == ["register_failed", "invocation_failed"]
    assert {line["function"] for line in lines(caplog)} == {"relay"}
    ended = lines(caplog)[1]
    assert ended["events_relayed"] == 1
    assert (ended["level"], ended["error"]) == ("ERROR", "KeyError")
    assert ended["place"].startswith("test_telemetry.py:")


def test_each_note_of_an_invocation_is_a_line_and_the_metrics_are_in_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "chalicelib")
    with telemetry.invocation(lambda: 7, "poll", method="POST"):
        telemetry.measure("posted", 0, posts_delivered=1)
        telemetry.note("frame_refused", code="bad_request")
        telemetry.measure("posted", 0, posts_delivered=1)
        telemetry.note("frame", action="ping")
    first, last = lines(caplog)
    fields = {"level": "INFO", "method": "POST"}
    assert first == {**fields, "event": "frame_refused", "code": "bad_request"}
    assert check_embedded(last) == ["posts_delivered"]
    for name in ("_aws", "cold"):
        last.pop(name, None)
    ended = {"action": "ping", "took_ms": 0, "posts_delivered": 2}
    assert last == {**fields, "event": "frame", **ended}


def test_what_a_thread_measures_after_the_end_is_not_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "chalicelib")
    with telemetry.invocation(lambda: 0, "jobs"):
        later = contextvars.copy_context()
    later.run(telemetry.measure, "posted", 0, posts_delivered=1)
    later.run(telemetry.note, "frame", action="ping")
    assert [line["event"] for line in lines(caplog)] == ["jobs", "posted", "frame"]


def test_no_line_carries_a_payload_or_a_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "a secret"}
    ack = world.act(alice, "send_message", client_message_id="c1", **body)
    world.ask(alice, "send_message", content="a secret")
    world.frame(alice, "not json: a secret")
    fresh = world.token("alice")
    world.act(alice, "refresh_token", token=fresh)
    world.pump()
    world.act(alice, "delete_message", conversation_id="lobby", message_id=ack["message_id"])
    world.pump()
    world.disconnect(bob)
    assert len(caplog.messages) > 8
    assert "a secret" not in caplog.text
    assert fresh not in caplog.text
    assert fresh.rsplit(".", 1)[1] not in caplog.text
