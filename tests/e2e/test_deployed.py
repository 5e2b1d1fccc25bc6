"""The deployment itself: applied whole, stable, and driven by the emulator's own triggers."""

from __future__ import annotations

import json
import time

import pytest
import redis
from typer.testing import CliRunner

from chalicelib.adapters.redis import keys
from operate.checks import problems
from operate.clients import client
from tests.support.people import People, name
from tests.support.stacks import DeployedStack
from workbench.cli.main import app

pytestmark = pytest.mark.deployed
SWEPT_S = 150.0


def test_it_was_checked_before_and_proved_after(stack: DeployedStack) -> None:
    checks = {check.name: check for check in stack.deployed.preflight}
    asked = {"account", "lambda-concurrency", "api-gateway-logs-role", "cloudfront", "names"}
    assert asked <= checks.keys()
    assert not problems(stack.deployed.preflight)
    proof = {check.name: check.result for check in stack.deployed.proof}
    assert set(proof.values()) == {"ok"}
    assert {"websocket", "socketio-websocket", "socketio-polling"} < proof.keys()
    assert {"message-from-websocket", "message-from-socketio-websocket"} < proof.keys()


def test_the_doctor_finds_it_well(stack: DeployedStack) -> None:
    options = ["--endpoint-url", stack.aws_endpoint_url, "--url", stack.url, "--json"]
    done = CliRunner().invoke(app, ["doctor", *options])
    told = json.loads(done.stdout)
    # Emulators have no metrics, so that an alarm may ring which expects some.
    faults = [
        check
        for check in told["checks"]
        if check["result"] == "fault" and check["name"] != "alarms"
    ]
    assert not faults
    names = {check["name"] for check in told["checks"]}
    assert {"tables", "functions", "settings", "triggers", "schedules", "secret"} < names
    assert {"socketio-polling", "message-from-websocket", "history"} < names


def test_its_status_is_found_by_its_name(stack: DeployedStack) -> None:
    options = ["--endpoint-url", stack.aws_endpoint_url, "--url", stack.url, "--json"]
    done = CliRunner().invoke(app, ["status", *options])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"], told["note"]) == (0, True, "")
    # Not known before the first sweep.
    assert told["regions"][0]["connections"] in (None, 0)


def test_a_second_apply_changes_nothing(stack: DeployedStack) -> None:
    assert stack.deployment.changes() == ""


def test_the_queues_call_the_functions(stack: DeployedStack) -> None:
    lambdas = client("lambda", stack.aws_endpoint_url, stack.region)
    mappings = lambdas.list_event_source_mappings()["EventSourceMappings"]
    found = {each["FunctionArn"].rsplit(":", 1)[1]: each for each in mappings}
    stream = found.pop("tidings-replicated")
    assert {name: each["EventSourceArn"].rsplit(":", 1)[1] for name, each in found.items()} == {
        "tidings-deliver": "tidings-delivery.fifo",
        "tidings-outbound": "tidings-outbound",
    }
    types = {each["FunctionResponseTypes"][0] for each in found.values()}
    assert types == {"ReportBatchItemFailures"}
    assert ":table/tidings-messages/stream/" in stream["EventSourceArn"]


def test_the_schedule_calls_the_sweep(stack: DeployedStack) -> None:
    """Without connections, nothing else vouches for a bucket of users; the sweep does so."""
    link = redis.Redis.from_url(stack.redis_url)
    link.delete(keys.online_warm(0))
    deadline = time.monotonic() + SWEPT_S
    while not link.exists(keys.online_warm(0)):
        assert time.monotonic() < deadline, "no sweep"
        time.sleep(0.5)


def test_a_posted_message_is_pushed(people: People) -> None:
    """HTTP function, table, FIFO queue, deliver function, @connections: all deployed."""
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    listener = people.device(bob)
    body = {"message_type": "text", "content": "over HTTP"}
    path = f"/v1/rooms/{room}/messages"
    assert people.http("POST", path, body, people.token(alice))[0] == 201
    assert listener.heard(room, 1)[0]["content"] == "over HTTP"
