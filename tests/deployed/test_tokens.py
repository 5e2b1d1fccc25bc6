"""`POST /dev/token` for deployed functions, against ministack's Lambda and Secrets Manager."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from typer.testing import CliRunner

from operate.clients import client
from tests.support.emulator import REGION, Emulator
from workbench.cli.main import app
from workbench.deployed.tokens import DeployedTokens

FUNCTION = "def handler(event, context): return None"
OLD, NEW = "o" * 40, "n" * 40


async def token(tokens: DeployedTokens) -> tuple[int, dict[str, Any]]:
    status, _, body = await tokens(json.dumps({"user_id": "alice"}).encode(), {})
    return status, json.loads(body)


def deploy(emulator: Emulator, **variables: str) -> DeployedTokens:
    name = emulator.function(FUNCTION, variables={"OTHER": "1", **variables})
    return DeployedTokens(emulator.url, REGION, lambda: name)


async def test_the_secret_is_the_functions_and_may_change(emulator: Emulator) -> None:
    secrets = client("secretsmanager", emulator.url, REGION)
    arn = secrets.create_secret(Name=f"{emulator.prefix}-secret")["ARN"]
    tokens = deploy(emulator, TIDINGS_SECRET_ID=arn, TIDINGS_JWT_SECRET="not this one")
    for secret in (OLD, NEW):
        secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({"jwt_secret": secret}))
        status, answer = await token(tokens)
        assert status == 200
        assert jwt.decode(answer["token"], secret, algorithms=["HS256"])["sub"] == "alice"


async def test_a_secret_in_the_environment(emulator: Emulator) -> None:
    status, answer = await token(deploy(emulator, TIDINGS_JWT_SECRET=OLD))
    assert status == 200
    assert jwt.decode(answer["token"], OLD, algorithms=["HS256"])["sub"] == "alice"


async def test_a_token_has_what_the_functions_settings_want(emulator: Emulator) -> None:
    tokens = deploy(
        emulator,
        TIDINGS_JWT_SECRET=OLD,
        TIDINGS_JWT_ISSUER="https://us/",
        TIDINGS_JWT_AUDIENCE="web,mobile",
        TIDINGS_JWT_USER_CLAIM="uid",
        TIDINGS_JWT_ROLES_CLAIM="groups",
    )
    _, answer = await token(tokens)
    claims = jwt.decode(answer["token"], OLD, algorithms=["HS256"], audience="web")
    assert (claims["iss"], claims["uid"], claims["groups"]) == ("https://us/", "alice", [])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "is not a JSON object with jwt_secret"),
        ("plain", "is not a JSON object with jwt_secret"),
        ("[1]", "is not a JSON object with jwt_secret"),
        ('{"jwt_secret": ""}', "an empty jwt_secret"),
    ],
)
async def test_a_secret_that_cannot_be_used(
    emulator: Emulator, value: str | None, words: str
) -> None:
    secrets = client("secretsmanager", emulator.url, REGION)
    arn = secrets.create_secret(Name=f"{emulator.prefix}-secret")["ARN"]
    if value is not None:
        secrets.put_secret_value(SecretId=arn, SecretString=value)
    status, answer = await token(deploy(emulator, TIDINGS_SECRET_ID=arn))
    assert (status, answer["error"]["code"]) == (503, "unavailable")
    assert words in answer["error"]["message"]


async def test_no_secret_and_no_function(emulator: Emulator) -> None:
    assert (await token(deploy(emulator)))[0] == 503
    status, answer = await token(DeployedTokens(emulator.url, REGION, lambda: None))
    assert (status, answer["error"]["message"]) == (
        503,
        "no function is deployed yet: run `tidings deploy`",
    )


def test_who_may_read_the_secret_signs_tokens(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = f"{emulator.prefix}-secret"
    value = json.dumps({"jwt_secret": NEW})
    client("secretsmanager", emulator.url, REGION).create_secret(Name=secret, SecretString=value)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    command = ["token", "alice", "--region", REGION, "--role", "admin", "--secret"]
    done = CliRunner().invoke(app, [*command, secret])
    claims = jwt.decode(done.stdout.strip(), NEW, algorithms=["HS256"])
    assert (claims["sub"], claims["roles"]) == ("alice", ["admin"])
    scope = {"TIDINGS_JWT_ISSUER": "https://us/", "TIDINGS_JWT_AUDIENCE": "web"}
    done = CliRunner().invoke(app, [*command, secret], env=scope)
    claims = jwt.decode(done.stdout.strip(), NEW, algorithms=["HS256"], audience="web")
    assert claims["iss"] == "https://us/"
    bad = CliRunner().invoke(app, [*command, secret], env={"TIDINGS_JWT_MAX_VALIDITY_S": "1"})
    assert bad.exit_code == 2
    year_s = 366 * 86_400
    for seconds, code in ((year_s, 0), (2 * year_s, 2)):
        long = CliRunner().invoke(app, [*command, secret, "--expires-in", str(seconds)])
        assert long.exit_code == code
    done = CliRunner().invoke(app, [*command, "another"])
    assert done.exit_code == 1
    assert done.stderr.startswith("tidings: the secret another could not be read: ")
