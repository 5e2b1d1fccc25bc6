"""`tidings doctor` on local stacks: faults that the stack itself has, found as its users ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from operate.clients import client
from tests.support.waiting import until
from workbench.cli.main import app
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

PROOF = {
    "websocket",
    "socketio-websocket",
    "socketio-polling",
    "http-api",
    "message-from-websocket",
    "message-from-socketio-websocket",
    "history",
    "clean-up",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIDINGS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def stack(home: Path) -> Iterator[EmbeddedStack]:
    with in_thread(EmbeddedStack(port=0, home=home)) as stack:
        yield stack


def doctor(*options: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(app, ["doctor", "--json", *options])
    assert done.stdout, (done.stderr, done.exception)
    return done.exit_code, json.loads(done.stdout)


def faults(told: dict[str, Any]) -> set[str]:
    return {check["name"] for check in told["checks"] if check["result"] == "fault"}


def test_a_stack_that_is_well(stack: EmbeddedStack) -> None:
    code, told = doctor()
    assert (code, told["ok"], faults(told)) == (0, True, set())
    names = {check["name"] for check in told["checks"]}
    assert names == {"health", "tables", "queues", "dead-letters", *PROOF}


def test_its_faults_are_found_one_by_one(stack: EmbeddedStack) -> None:
    """Not the cache's, with which a stack that has lost it ends."""
    sqs = client("sqs", stack.aws_endpoint_url, stack.region, stack.keys)
    dead = stack.queue_urls["delivery-dead"]
    order = {"MessageGroupId": "room", "MessageDeduplicationId": "1"}
    sqs.send_message(QueueUrl=dead, MessageBody="{}", **order)
    code, told = doctor("--skip-proof")
    assert (code, faults(told)) == (1, {"dead-letters"})
    (letters,) = (check for check in told["checks"] if check["name"] == "dead-letters")
    assert "tidings dead redrive --queue delivery" in letters["remedy"]
    sqs.purge_queue(QueueUrl=dead)
    dynamodb = client("dynamodb", stack.aws_endpoint_url, stack.region, stack.keys)
    dynamodb.update_time_to_live(
        TableName=f"{stack.prefix}-connections",
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"},
    )
    code, told = doctor("--skip-proof")
    assert (code, faults(told)) == (1, {"tables"})


def test_a_cache_that_is_away_is_degraded_and_polling_is_refused(stack: EmbeddedStack) -> None:
    stack.children["valkey"].stop()
    until(lambda: "health" in faults(doctor("--skip-proof")[1]))
    code, told = doctor()
    assert code == 1
    (health,) = (check for check in told["checks"] if check["name"] == "health")
    assert health["found"].startswith("redis: the cache does not answer")
    assert health["guide"] == "docs/how-to/operate.md#redis-is-away"
    assert faults(told) == {"health", "socketio-polling"}


def test_a_stack_in_memory_is_proved_although_nobody_can_look_inside(home: Path) -> None:
    with in_thread(EmbeddedStack(port=0, home=home, in_memory=True)):
        code, told = doctor()
    assert (code, told["ok"]) == (0, True)
    assert {check["name"] for check in told["checks"]} == {"health", *PROOF}


def test_nothing_to_examine_is_asked_wrongly(home: Path) -> None:
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 2
    assert "name the --region of a deployment" in done.stderr


def test_another_address_is_not_this_stack(stack: EmbeddedStack) -> None:
    done = CliRunner().invoke(app, ["doctor", "--url", "https://chat.example.com"])
    assert done.exit_code == 2
    assert "https://chat.example.com is not the stack that runs here" in done.stderr
