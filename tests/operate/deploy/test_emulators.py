"""A deployment into an emulator: the right one, one at a time, and a state that is its own."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from operate.clients import client
from operate.deploy import emulators
from operate.deploy.deploy import Deployment
from operate.deploy.errors import DeployError
from operate.deploy.targets import Emulated, Name, emulated
from tests.support.emulator import REGION
from tests.support.stand_in import StandIn

NOWHERE = "http://127.0.0.1:9"


class LocalStack(BaseHTTPRequestHandler):
    """So much of it as tells it from ministack."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_localstack/health" else 404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def localstack_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), LocalStack) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def secret(emulator_url: str) -> Iterator[dict[str, Any]]:
    """One that is there, as the outputs tell it."""
    secrets = client("secretsmanager", emulator_url, REGION)
    name = f"{uuid.uuid4().hex}-secrets"
    made = secrets.create_secret(Name=name)
    yield {"name": name, "arn": made["ARN"]}
    secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)


def outputs(secret: dict[str, Any]) -> dict[str, Any]:
    return {"regions": {REGION: {"secret": secret}}}


def test_the_right_one_must_answer(emulator_url: str, localstack_url: str) -> None:
    def refused(name: Name, words: str, **at: str) -> None:
        with pytest.raises(DeployError, match=words):
            emulators.require_running(name, Emulated(**{"gateway_url": emulator_url, **at}))

    refused("ministack", "no ministack answers at", aws_url=NOWHERE)
    refused("ministack", "localstack answers at .*, not ministack", aws_url=localstack_url)
    refused("localstack", "ministack answers at .*, not localstack", aws_url=emulator_url)
    refused("localstack", "beside it", aws_url=localstack_url, beside_url=localstack_url)
    refused("ministack", "no gateway answers", aws_url=emulator_url, gateway_url=NOWHERE)
    both = {"aws_url": localstack_url, "beside_url": emulator_url, "gateway_url": emulator_url}
    emulators.require_running("localstack", Emulated(**both))


def test_that_is_asked_first(stand_in: StandIn, tmp_path: Path) -> None:
    target = emulated("ministack", REGION, Emulated(aws_url=NOWHERE))
    deployment = Deployment(target, folder=tmp_path)
    for work in (deployment.deploy, deployment.destroy):
        with pytest.raises(DeployError, match="no ministack answers"):
            work()
    assert stand_in.calls() == []


def test_one_at_a_time(stand_in: StandIn, tmp_path: Path) -> None:
    deployment = Deployment(emulated("ministack", REGION, Emulated()), folder=tmp_path)
    with (
        emulators.alone(tmp_path),
        pytest.raises(DeployError, match="another deploy"),
    ):
        deployment.changes()
    assert stand_in.calls() == []
    deployment.changes()


def test_another_name_is_not_served_and_refused(
    stand_in: StandIn, tmp_path: Path, emulator_url: str
) -> None:
    at = Emulated(aws_url=emulator_url, gateway_url=emulator_url)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "package.json").touch()
    stand_in.plan(name="other")
    with pytest.raises(DeployError, match="the name is other"):
        Deployment(emulated("ministack", REGION, at), folder=tmp_path).destroy()
    assert "apply" not in stand_in.calls()


def test_a_state_whose_emulator_has_ended_is_set_aside(
    stand_in: StandIn, tmp_path: Path, emulator_url: str
) -> None:
    at = Emulated(aws_url=emulator_url, gateway_url=emulator_url)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "package.json").touch()
    (tmp_path / "terraform.tfstate").write_text("of before")
    gone = f"arn:aws:secretsmanager:{REGION}:000000000000:secret:gone-secrets-abcdef"
    # In another region, too: what has ended is no reason to refuse.
    stand_in.outputs(**outputs({"name": "gone-secrets", "arn": gone}))
    stand_in.plan(name="tidings", region="eu-west-1")
    told: list[str] = []
    Deployment(emulated("ministack", REGION, at), folder=tmp_path, tell=told.append).destroy()
    assert (tmp_path / "terraform.tfstate.ended").read_text() == "of before"
    assert not (tmp_path / "terraform.tfstate").exists()
    assert any("starting over" in line for line in told)


def test_a_state_whose_emulator_runs_stays(emulator_url: str, secret: dict[str, Any]) -> None:
    at = Emulated(aws_url=emulator_url)
    assert not emulators.has_ended(at, outputs(secret))
    with pytest.raises(DeployError, match="this checkout did not make"):
        emulators.has_ended(at, outputs({**secret, "arn": f"{secret['arn'][:-6]}abcdef"}))
    with pytest.raises(DeployError, match=r"asking .* what it has"):
        emulators.has_ended(Emulated(aws_url=NOWHERE), outputs(secret))
