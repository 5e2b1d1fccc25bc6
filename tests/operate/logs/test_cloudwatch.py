"""Log groups of a deployment, in an emulator."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from operate.clients import client
from operate.logs.cloudwatch import Groups
from operate.logs.lines import Wanted
from tests.support.emulator import REGION, Emulator

Write = Callable[..., None]
HOUR_MS = 3_600_000


@pytest.fixture
def logs(emulator: Emulator) -> Any:
    return client("logs", emulator.url, REGION)


@pytest.fixture
def write(logs: Any, emulator: Emulator) -> Write:
    """Write lines of a function, so many milliseconds ago."""
    known: set[str] = set()

    def put(function: str, ago_ms: int, **fields: object) -> None:
        group = f"/aws/lambda/{emulator.prefix}-{function}"
        if group not in known:
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName="s")
            known.add(group)
        event = {
            "timestamp": int(time.time() * 1000) - ago_ms,
            "message": json.dumps({"level": "INFO", "function": function, **fields}),
        }
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])

    return put


def read(groups: Groups, wanted: Wanted, ago_ms: int = HOUR_MS) -> list[object]:
    now_ms = int(time.time() * 1000)
    return [line.fields["event"] for line in groups.new(wanted, now_ms - ago_ms, now_ms)]


def test_lines_of_all_functions_are_in_order(logs: Any, write: Write, emulator: Emulator) -> None:
    write("deliver", 1000, event="second")
    write("websocket_message", 2000, event="first")
    write("sweep", 500, event="not asked for")
    groups = Groups(logs, emulator.prefix, ["deliver", "websocket_message", "relay"])
    assert read(groups, Wanted()) == ["first", "second"]
    write("deliver", 0, event="third")
    assert read(groups, Wanted()) == ["third"], "none twice"


def test_lines_are_of_the_time_and_the_room_that_are_asked_for(
    logs: Any, write: Write, emulator: Emulator
) -> None:
    write("deliver", 2 * HOUR_MS, event="old", room_id="tea")
    write("deliver", 1000, event="new", room_id="tea")
    write("deliver", 1000, event="another", room_id="pot")
    groups = Groups(logs, emulator.prefix, ["deliver"])
    assert read(groups, Wanted(room="tea")) == ["new"]


def test_a_user_s_lines_are_found_by_when_they_connected(
    logs: Any, write: Write, emulator: Emulator
) -> None:
    write("websocket_connect", HOUR_MS + 60_000, event="connected", user_id="al", connection_id="1")
    write("websocket_connect", 5000, event="connected", user_id="bo", connection_id="2")
    write("websocket_message", 4000, event="frame", connection_id="1")
    write("websocket_message", 3000, event="frame of bo", connection_id="2")
    groups = Groups(logs, emulator.prefix, ["websocket_connect", "websocket_message"])
    assert read(groups, Wanted(user="al")) == ["frame"]


def test_api_gateway_s_lines_are_shown_on_request(
    logs: Any, write: Write, emulator: Emulator
) -> None:
    write("websocket_connect", 1000, event="connected", connection_id="1")
    group = f"/aws/vendedlogs/apigateway/{emulator.prefix}/prod"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    line = {"request_id": "r1", "connection_id": "1", "event": "CONNECT", "status": "429"}
    event = {"timestamp": int(time.time() * 1000), "message": json.dumps(line)}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])
    functions = ["websocket_connect"]
    assert read(Groups(logs, emulator.prefix, functions), Wanted()) == ["connected"]
    both = Groups(logs, emulator.prefix, functions, access=True)
    assert read(both, Wanted(connection="1")) == ["connected", "CONNECT"]
