"""A token that is not accepted: every protocol says why, and nothing else breaks."""

from __future__ import annotations

import json
import logging
from typing import Any

import jwt
import pytest

from chalicelib.connections.lifetime import TOKEN_GRACE_S
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import rest
from chalicelib.entrypoints.socketio import polling
from chalicelib.kernel import times
from tests.support.issuers import FakeIssuer, cognito_access
from tests.support.socketio import Client
from tests.support.world import START_MS, World

NOW_S = START_MS // 1000


def tokens(world: World) -> dict[str, str]:
    """By the reason of the refusal."""
    forged = jwt.encode({"sub": "ann", "exp": NOW_S + 60}, "x" * 64, algorithm="HS256")
    return {
        "malformed": "x.y.z",
        "algorithm": jwt.encode({"sub": "ann"}, None, algorithm="none"),
        "signature": forged,
        "missing_claim": world.token("ann", exp=None),
        "bad_claim": world.token("ann", exp="soon"),
        "wrong_audience": world.token("ann", aud="others"),
        "expired": world.token("ann", expires_in_s=-3600),
        "not_yet_valid": world.token("ann", nbf=NOW_S + 3600),
        "too_long": world.token("ann", exp=START_MS + 3_600_000),
        "user_id": world.token("ann smith"),
    }


REASONS = sorted(tokens(World()))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, "chalicelib")
    return lambda: [json.loads(record.message) for record in caplog.records]


@pytest.mark.parametrize("reason", REASONS)
def test_over_http(world: World, lines: Any, reason: str) -> None:
    token = tokens(world)[reason]
    request = rest.HttpRequest({"Authorization": f"Bearer {token}"}, {}, {}, "")
    answer = rest.handle(world.services, request, rest.list_rooms)
    assert (answer.status, answer.body["error"]["code"]) == (401, "unauthorized")
    assert answer.body["error"]["reason"] == reason
    challenge = f'error="invalid_token", error_description="{answer.body["error"]["message"]}"'
    assert answer.headers["WWW-Authenticate"].endswith(challenge)
    [line] = lines()
    assert (line["event"], line["code"], line["reason"]) == (
        "request_refused",
        "unauthorized",
        reason,
    )
    assert token not in json.dumps(line)


@pytest.mark.parametrize("reason", REASONS)
def test_at_the_handshake_of_a_websocket(world: World, lines: Any, reason: str) -> None:
    answer = websocket.connect(world.services, world.connect_event("c=", tokens(world)[reason]))
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["error"]["reason"]) == (401, reason)
    [line] = lines()
    assert (line["event"], line["reason"]) == ("connect_refused", reason)


@pytest.mark.parametrize("reason", REASONS)
def test_at_a_renewal_after_which_the_connection_goes_on(world: World, reason: str) -> None:
    ann = world.connect("ann")
    answer = world.ask(ann, "refresh_token", token=tokens(world)[reason])
    assert (answer["event"], answer["data"]["code"]) == ("error", "unauthorized")
    assert answer["data"]["reason"] == reason
    assert world.act(ann, "hello")["user_id"] == "ann"


@pytest.mark.parametrize("reason", REASONS)
def test_at_the_connect_of_socketio(world: World, reason: str) -> None:
    client = Client(world, "c=")
    answer = client.say("40" + json.dumps({"token": tokens(world)[reason]}))
    refusal = json.loads(answer.removeprefix("44"))
    assert (refusal["data"]["code"], refusal["data"]["reason"]) == ("unauthorized", reason)
    assert refusal["message"] == refusal["data"]["message"]


def test_at_the_handshake_of_polling(world: World) -> None:
    query = {"EIO": "4", "transport": "polling", "token": tokens(world)["expired"]}
    answer = polling.handle(world.services, rest.HttpRequest({}, query, {}, ""), "GET")
    assert answer.status == 401
    assert "has expired" in answer.headers["WWW-Authenticate"]


def test_without_a_token_it_is_said_how_to_send_one(world: World) -> None:
    answer = rest.handle(world.services, rest.HttpRequest({}, {}, {}, ""), rest.list_rooms)
    assert answer.body["error"]["reason"] == "missing"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tidings"'


def test_a_token_that_has_just_expired_works_until_it_is_replaced(world: World) -> None:
    """The issuer's clock is behind: its token of a minute is used up when it comes."""
    ann = world.connect("ann", exp=NOW_S - 30)
    assert world.act(ann, "hello")["expires_at"] == times.iso(START_MS + 30_000)
    world.wait(1)
    assert world.poster.to(ann, "token_expiring") == [{"expires_at": times.iso(START_MS + 30_000)}]
    world.act(ann, "refresh_token", token=world.token("ann"))
    world.wait(30 + TOKEN_GRACE_S)
    assert world.poster.closed == []


def test_a_token_that_has_just_expired_ends_its_connection(world: World) -> None:
    ann = world.connect("ann", exp=NOW_S - 30)
    world.wait(30 + TOKEN_GRACE_S)
    assert world.poster.closed == [ann]
    refused = world.ask(ann, "hello")
    assert refused["data"]["code"] == "unauthorized"


def test_the_longest_token_is_shown_and_watched_like_others(world: World) -> None:
    """Of whatever is accepted, `hello` and the warnings can name the end."""
    longest = World(jwt_max_validity_s=100 * 365 * 86_400)
    end_s = NOW_S + longest.settings.jwt_max_validity_s
    ann = longest.connect("ann", exp=end_s)
    assert longest.act(ann, "hello")["expires_at"] == times.iso(end_s * 1000)
    again = longest.act(ann, "refresh_token", token=longest.token("ann", exp=end_s + 1))
    assert again == {"expires_at": times.iso((end_s + 1) * 1000)}


def test_an_access_token_of_cognito_opens_a_connection() -> None:
    issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab12Cd34E"
    world = World(
        jwks_url=f"{issuer}/.well-known/jwks.json",
        jwt_issuer=issuer,
        jwt_audiences=("client",),
        jwt_user_claim="username",
    )
    world.issuer.text = FakeIssuer().key_set()
    token = FakeIssuer().sign(cognito_access(issuer, "client", NOW_S), "rs")
    assert websocket.connect(world.services, world.connect_event("c=", token))["statusCode"] == 200
    assert world.act("c=", "hello")["user_id"] == "ann"
    unknown = FakeIssuer().sign(cognito_access(issuer, "client", NOW_S), "x", "RS256")
    answer = world.ask("c=", "refresh_token", token=unknown)
    assert answer["data"]["code"] == "unavailable", "its issuer was just asked; the key may be new"
    world.clock.ms += answer["data"]["retry_after_ms"]
    answer = world.ask("c=", "refresh_token", token=unknown)
    assert answer["data"]["reason"] == "unknown_key"
    world.issuer.text = None
    answer = world.ask("c=", "refresh_token", token=token)
    assert answer["event"] == "ack", "the issuer is away; its keys are known"


def test_an_issuer_that_is_away_is_said_to_be_so() -> None:
    world = World(jwks_url="https://us/keys", jwt_issuer="us", jwt_audiences=("tidings",))
    signed = FakeIssuer().sign({"sub": "ann", "iss": "us", "aud": "tidings", "exp": NOW_S + 60})
    request = rest.HttpRequest({"Authorization": f"Bearer {signed}"}, {}, {}, "")
    answer = rest.handle(world.services, request, rest.list_rooms)
    assert (answer.status, answer.body["error"]["code"]) == (503, "unavailable")
    assert answer.headers == {"Retry-After": "5"}
