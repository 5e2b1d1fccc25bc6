"""Which deployment a command is about, found by its name in an emulator."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jwt
import pytest
import typer

from operate import clients, proof
from operate.cli import subject
from tests.support.emulator import REGION, Emulator


@pytest.fixture
def named(emulator: Emulator) -> subject.Subject:
    def client(service: str) -> Any:
        return clients.client(service, emulator.url, REGION)

    return subject.Subject(emulator.prefix, REGION, None, client)


def test_its_apis_are_those_of_its_own_name(emulator: Emulator, named: subject.Subject) -> None:
    """Another deployment's name may begin with this one's: `t1-eu` has the API `t1-eu-prod`."""
    own = emulator.websocket_api({})
    http = emulator.http_api({})
    emulator.prefix += "-eu"
    emulator.websocket_api({})
    emulator.http_api({})
    endpoints = {each: emulator.apis.get_api(ApiId=each)["ApiEndpoint"] for each in (own, http)}
    at = subject.addresses(named, None)
    assert at == proof.Addresses(endpoints[http], (f"{endpoints[own]}/prod",), False)
    at = subject.addresses(named, "https://chat.example.com")
    assert at == proof.Addresses("https://chat.example.com", ("wss://chat.example.com/ws",), True)


def test_no_deployment_of_that_name_is_asked_wrongly(
    named: subject.Subject, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as end:
        subject.addresses(named, None)
    assert end.value.exit_code == 2
    assert f"there is no deployment {named.name} in {REGION}" in capsys.readouterr().err


def deployed(emulator: Emulator, **variables: str) -> None:
    emulator.function("def handler(event, context): pass", "websocket_connect", variables)


def test_tokens_are_signed_as_its_functions_want_them(
    emulator: Emulator, named: subject.Subject
) -> None:
    deployed(emulator, TIDINGS_JWT_ISSUER="https://us.example.com")
    secret = json.dumps({"jwt_secret": "k" * 64})
    named.client("secretsmanager").create_secret(Name=f"{named.name}-secrets", SecretString=secret)
    who, why = subject.tokens(named, "")
    assert isinstance(who, proof.Tokens)
    assert why == ""
    token = asyncio.run(who.issue("alice", ["admin"]))
    claims = jwt.decode(token, "k" * 64, algorithms=["HS256"], issuer="https://us.example.com")
    assert (claims["sub"], claims["roles"]) == ("alice", ["admin"])


def test_an_issuer_s_tokens_are_given(emulator: Emulator, named: subject.Subject) -> None:
    deployed(emulator, TIDINGS_JWKS_URL="https://us.example.com/keys")
    assert subject.tokens(named, "") == (None, "an issuer signs the tokens")
    assert subject.tokens(named, "token") == (proof.Given("token"), "")


def test_without_a_secret_there_are_none(emulator: Emulator, named: subject.Subject) -> None:
    deployed(emulator)
    who, why = subject.tokens(named, "")
    assert who is None
    assert "GetSecretValue" in why
