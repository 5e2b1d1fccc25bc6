"""`tidings deploy` and `tidings destroy`, with a stand-in for Terraform: what they ask and say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from operate.clients import client
from operate.deploy.account import Account
from tests.support.emulator import REGION
from tests.support.stand_in import StandIn
from workbench.cli.main import app


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Account("123456789012", "arn:aws:iam::123456789012:user/ada")
    monkeypatch.setattr("operate.cli.deploy.account", lambda region: ours)
    monkeypatch.setattr("operate.package.build", lambda *given, compiles: None)


class Healthy(BaseHTTPRequestHandler):
    """A gateway, seen from far."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def gateway_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def tidings(*arguments: str, typed: str = "", **env: str) -> Result:
    return CliRunner().invoke(app, arguments, input=typed, env=env)


@pytest.mark.parametrize(
    ("command", "question"),
    [
        ("deploy", "Apply this?"),
        ("destroy", "Delete this deployment, its tables and all messages?"),
    ],
)
def test_no_is_no(stand_in: StandIn, command: str, question: str) -> None:
    stand_in.plan(region="eu-central-1")
    done = tidings(command, "--target", "aws", typed="n\n")
    assert done.exit_code == 1
    order = ("the plan", "AWS account 123456789012 (as arn:", ", region eu-central-1", question)
    places = [done.stderr.index(text) for text in order]
    assert places == sorted(places)
    assert "not confirmed: nothing was changed" in done.stderr
    assert "apply" not in stand_in.calls()


def test_a_yes_beforehand_shows_what_it_is_said_to(stand_in: StandIn) -> None:
    stand_in.plan()
    done = tidings("destroy", "--target", "aws", "--yes")
    assert done.exit_code == 0, done.stderr
    assert "the plan" in done.stderr
    assert "account 123456789012" in done.stderr
    assert done.stderr.splitlines()[-1] == "destroyed"
    assert stand_in.calls() == ["init", "plan -destroy", "apply"]


def test_the_region_is_not_taken_from_the_environment(stand_in: StandIn) -> None:
    tidings("destroy", "--target", "aws", "--yes", REGION="eu-west-3")
    assert "region" not in stand_in.variables()
    tidings("destroy", "--target", "aws", "--yes", "--region", "eu-west-3")
    assert stand_in.variables()["region"] == "eu-west-3"


def test_errors_reach_the_user_unchanged(stand_in: StandIn) -> None:
    text = f"Error: aws_subnet.private[each.key] in [/a /b] {'and so on ' * 20}at [/red]"
    stand_in.fail("init", text)
    done = tidings("deploy", "--target", "aws", "--yes")
    assert isinstance(done.exception, SystemExit)
    assert text in done.stderr.partition("tidings: ")[2]


def test_no_terraform_is_no_traceback(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    done = tidings("deploy", "--target", "aws")
    assert done.exit_code == 1
    assert "tidings: terraform is not on the PATH" in done.stderr


def test_the_result_for_machines(
    stand_in: StandIn,
    emulator_url: str,
    gateway_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("operate.deploy.deploy.STATES", tmp_path)
    secrets = client("secretsmanager", emulator_url, REGION)
    made = secrets.create_secret(Name="cli-secrets")
    secret = {"name": "cli-secrets", "arn": made["ARN"]}
    stand_in.outputs(region=REGION, regions={REGION: {"secret": secret}})
    stand_in.plan(region=REGION)
    env = {"AWS_ENDPOINT_URL": emulator_url, "TIDINGS_GATEWAY_URL": gateway_url}
    values = []
    for _ in range(2):
        done = tidings("deploy", "--target", "ministack", "--json", **env)
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["url"] == gateway_url
        values.append(secrets.get_secret_value(SecretId=made["ARN"])["SecretString"])
    assert values[0] == values[1]
    assert json.loads(values[0])["jwt_secret"] not in done.output
    assert stand_in.environment()["AWS_ENDPOINT_URL"] == emulator_url
