"""Each invocation of a function writes one line, and a message's lines stay small."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import actions
from chalicelib.entrypoints import schedules, streams
from chalicelib.kernel.errors import CacheDown
from chalicelib.wire import engineio
from operate.cost import Usage
from tests.support.lanes import laned, warmed
from tests.support.paths import ROOT
from tests.support.socketio import Client, Poller
from tests.support.world import World

_BY_CLOUDWATCH = 26  # added to each line
_LONGER_IDS = 15  # of API Gateway, than the twins'
_LOGS = (ROOT / "docs/reference/logs.md").read_text()


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> Callable[[Callable[[], object]], list[Any]]:
    """Run something; the lines that it has written."""
    caplog.set_level("INFO", "chalicelib")

    def run(act: Callable[[], object]) -> list[Any]:
        caplog.clear()
        act()
        return [json.loads(message) for message in caplog.messages]

    return run


def size(line: dict[str, Any]) -> int:
    """Bytes of a line in CloudWatch Logs."""
    ids = _LONGER_IDS if "request_id" in line else 0
    return _BY_CLOUDWATCH + ids + len(json.dumps(line, separators=(",", ":")))


def check_sizes(case: str, *lines: dict[str, Any]) -> None:
    """Compare the lines of a message with the documented sizes and with the prices."""
    sizes = [size(line) for line in lines]
    row = " | ".join(str(round(each, -1)) for each in [*sizes, sum(sizes)])
    assert f"| {case} | {row} |" in _LOGS
    assert sum(sizes) <= len(sizes) * Usage(users=1).log_bytes, "as `tidings cost` assumes"


def test_a_message_is_a_line_in_each_function(written: Any) -> None:
    world = World()
    world.room("alice", "bob")
    alice, _ = world.connect("alice"), world.connect("bob")
    world.pump()
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    (sent,) = written(lambda: world.act(alice, "send_message", **body))
    assert (sent["function"], sent["event"]) == ("websocket_message", "frame")
    assert sent["action"] == "send_message"
    world.clock.ms += 70
    (delivered,) = written(lambda: world.pump(until_ms=world.clock.ms))
    assert (delivered["function"], delivered["event"]) == ("deliver", "jobs")
    assert delivered["delivery_latency_ms"] == 70
    assert (delivered["posts_delivered"], delivered["entries_delivered"]) == (1, 1)
    assert (delivered["jobs"], delivered["failed"]) == (1, 0)
    check_sizes("otherwise", sent, delivered)


def test_in_the_fast_lane_the_sender_s_line_has_the_metrics(written: Any) -> None:
    world = laned()
    alice, _ = world.connect("alice"), world.connect("bob")
    world.pump()
    warmed(world, alice)
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    (sent,) = written(lambda: world.act(alice, "send_message", **body))
    assert (sent["function"], sent["event"]) == ("websocket_message", "frame")
    assert (sent["posts_delivered"], sent["entries_delivered"]) == (1, 1)
    assert sent["delivery_latency_ms"] == 0
    (settled,) = written(lambda: world.pump(until_ms=world.clock.ms))
    assert (settled["function"], settled["jobs"], settled["failed"]) == ("deliver", 1, 0)
    assert "_aws" not in settled, "all is counted once"
    check_sizes("in the fast lane", sent, settled)


def test_connections_refusals_and_schedules_are_one_line_each(written: Any) -> None:
    world = World()
    world.room("alice", "bob")
    found = []
    found += written(lambda: found.append(world.connect("alice")))
    alice = found.pop(0)
    found += written(lambda: world.ask(alice, "send_message", content="x"))
    found += written(lambda: world.disconnect(alice))
    found += written(world.sweep)
    found += written(lambda: schedules.report(world.services, {}))
    assert [(line["function"], line["event"]) for line in found] == [
        ("websocket_connect", "connected"),
        ("websocket_message", "frame_refused"),
        ("websocket_disconnect", "disconnected"),
        ("sweep", "swept"),
        ("report", "reported"),
    ]
    assert found[1]["code"] == "bad_request"
    assert all("took_ms" in line for line in found)


def test_a_stock_client_s_event_is_one_line(written: Any) -> None:
    world = World()
    world.room("alice", "bob")
    client = Client(world, "s1=")
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    event = json.dumps(["ping", {}])
    (line,) = written(lambda: client.say(f"421{event}"))
    assert (line["event"], line["action"]) == ("frame", "ping")
    (pong,) = written(lambda: client.say("3"))
    assert pong["event"] == "frame"


def test_each_packet_of_a_poll_has_its_own_outcome(written: Any) -> None:
    world = World()
    world.room("alice", "bob")
    alice = Poller(world)
    alice.post("40" + json.dumps({"token": world.token("alice")}))
    refused = "421" + json.dumps(["send_message", {"content": "x"}])
    body = engineio.SEPARATOR.join([refused, '422["ping",{}]'])
    first, last = written(lambda: alice.post(body))
    assert (first["event"], first["code"]) == ("frame_refused", "bad_request")
    assert (last["event"], last["action"]) == ("frame", "ping")
    assert "action" not in first
    assert "code" not in last
    assert {line["method"] for line in (first, last)} == {"POST"}
    assert "took_ms" not in first
    assert "took_ms" in last


def test_a_stock_client_s_event_that_failed_says_so(
    written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    client = Client(world, "s1=")
    client.connect("alice")
    monkeypatch.setattr(actions, "run", failing(KeyError()))
    fault, line = written(lambda: client.say('421["ping",{}]'))
    assert (fault["level"], fault["event"], fault["error"]) == ("ERROR", "frame_failed", "KeyError")
    assert line["event"] == "frame_failed"
    assert "took_ms" in line


@pytest.mark.parametrize("function", ["sweep", "report", "replicated"])
def test_an_invocation_that_failed_says_so(
    written: Any, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    world = World()
    fault = RuntimeError("quotes input")
    monkeypatch.setattr(type(world.services.sweep), "run", failing(fault))
    monkeypatch.setattr(type(world.adapters.cache), "traffic", failing(fault))
    monkeypatch.setattr(streams, "_read", failing(fault))
    calls: dict[str, Callable[[], object]] = {
        "sweep": lambda: schedules.sweep(world.services, {}),
        "report": lambda: schedules.report(world.services, {}),
        "replicated": lambda: streams.replicated(world.services, {"Records": []}),
    }

    def act() -> None:
        with pytest.raises(RuntimeError):
            calls[function]()

    (line,) = written(act)
    assert (line["level"], line["event"]) == ("ERROR", "invocation_failed")
    assert (line["function"], line["error"]) == (function, "RuntimeError")
    assert "took_ms" in line
    assert line["place"].startswith("test_logs.py:")
    assert "quotes input" not in json.dumps(line)


def test_a_report_without_redis_says_so(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(type(world.adapters.cache), "traffic", failing(CacheDown("away")))
    fault, line = written(lambda: schedules.report(world.services, {}))
    assert (fault["level"], fault["event"]) == ("ERROR", "traffic_not_read")
    assert (line["level"], line["event"]) == ("INFO", "traffic_not_read")


def failing(fault: Exception) -> Callable[..., Any]:
    """A function that raises this."""

    def fail(*_: object, **__: object) -> Any:
        raise fault

    return fail
