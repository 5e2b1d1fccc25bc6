"""`tidings deploy` and `tidings destroy`, with a stand-in for Terraform: what they ask and say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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
        ("deploy --skip-preflight", "Apply this?"),
        ("destroy", "Delete this deployment, its tables and all messages?"),
    ],
)
def test_no_is_no(stand_in: StandIn, command: str, question: str) -> None:
    stand_in.plan(region="eu-central-1")
    done = tidings(*command.split(), "--target", "aws", typed="n\n")
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


@pytest.fixture
def deployed(
    stand_in: StandIn,
    emulator_url: str,
    gateway_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deployed]:
    """A deployment into an emulator that has only the secret, behind a gateway that is healthy."""
    monkeypatch.setattr("operate.deploy.deploy.STATES", tmp_path)
    secrets = client("secretsmanager", emulator_url, REGION)
    made = secrets.create_secret(Name="cli-secrets")
    secret = {"name": "cli-secrets", "arn": made["ARN"]}
    stand_in.outputs(region=REGION, regions={REGION: {"secret": secret}})
    stand_in.plan(region=REGION)
    env = {"AWS_ENDPOINT_URL": emulator_url, "TIDINGS_GATEWAY_URL": gateway_url}
    yield Deployed(env, made["ARN"], secrets)
    secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)


@dataclass(frozen=True)
class Deployed:
    env: dict[str, str]
    secret: str
    secrets: Any

    def again(self, *options: str) -> Result:
        return tidings("deploy", "--target", "ministack", "--json", *options, **self.env)


def test_the_result_for_machines(stand_in: StandIn, deployed: Deployed) -> None:
    values = []
    for _ in range(2):
        done = deployed.again("--skip-proof")
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["deployed"], told["url"]) == (True, deployed.env["TIDINGS_GATEWAY_URL"])
        assert told["proof"] == []
        assert {"name": "account", "result": "ok", "found": f"ministack; region {REGION}"} in told[
            "preflight"
        ]
        values.append(deployed.secrets.get_secret_value(SecretId=deployed.secret)["SecretString"])
    assert values[0] == values[1]
    assert json.loads(values[0])["jwt_secret"] not in done.output
    assert stand_in.environment()["AWS_ENDPOINT_URL"] == deployed.env["AWS_ENDPOINT_URL"]


def taken(stand_in: StandIn) -> None:
    """A plan whose new secret has the name of the one that is there."""
    secret = {
        "address": "module.primary.aws_secretsmanager_secret.this[0]",
        "type": "aws_secretsmanager_secret",
        "change": {"actions": ["create"], "before": None, "after": {"name": "cli-secrets"}},
    }
    variables = {"region": {"value": REGION}}
    stand_in.tell(plan={"resource_changes": [secret], "variables": variables})


def test_a_preflight_that_blocks_is_the_end(stand_in: StandIn, deployed: Deployed) -> None:
    taken(stand_in)
    done = deployed.again()
    assert done.exit_code == 1
    assert "nothing was changed" in done.stderr
    assert "aws_secretsmanager_secret cli-secrets" in done.stderr
    told = json.loads(done.stdout)
    assert told["deployed"] is False
    (names,) = (each for each in told["preflight"] if each["name"] == "names")
    assert names["result"] == "blocking"
    assert "apply" not in stand_in.calls()


def test_who_skips_the_preflight_goes_on(stand_in: StandIn, deployed: Deployed) -> None:
    taken(stand_in)
    done = deployed.again("--skip-preflight", "--skip-proof")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["preflight"] == []
    assert "apply" in stand_in.calls()


def test_healthy_is_not_proved(deployed: Deployed) -> None:
    done = deployed.again()
    assert done.exit_code == 1
    assert "deployed, but it does not work" in done.stderr
    told = json.loads(done.stdout)
    assert told["deployed"] is True
    faults = {each["name"] for each in told["proof"] if each["result"] == "fault"}
    assert {"websocket", "socketio-websocket", "socketio-polling", "http-api"} <= faults


def test_an_issuer_s_deployment_needs_its_token(stand_in: StandIn, deployed: Deployed) -> None:
    settings = {
        "TIDINGS_JWKS_URL": "https://issuer.example.com/keys",
        "TIDINGS_JWT_ISSUER": "https://issuer.example.com",
        "TIDINGS_JWT_AUDIENCE": "chat",
    }
    stand_in.plan(region=REGION, app={"settings": settings})
    done = deployed.again()
    assert done.exit_code == 0, done.stderr
    assert "give one with --token" in json.loads(done.stdout)["unproved"]
    done = deployed.again("--token", "not.a.token")
    assert done.exit_code == 1, "it is used"
