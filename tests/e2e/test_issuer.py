"""The local stack with an issuer, whose tokens are accepted beside those of its own secret."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.issuers import FakeIssuer, KeyServer, answer, cognito_access, serving
from tests.support.own_process import stack
from tests.support.people import Device

POOL = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34E"
CLIENTS = ("web", "mobile")


@pytest.fixture(scope="module", params=[False, True], ids=["emulators", "memory"])
def in_memory(request: pytest.FixtureRequest) -> bool:
    """Where the stack's stores are."""
    return bool(request.param)


@pytest.fixture(scope="module")
def server(in_memory: bool) -> Iterator[KeyServer]:
    with serving(answer(FakeIssuer().key_set)) as server:
        yield server


@pytest.fixture(scope="module")
def port(server: KeyServer, in_memory: bool) -> Iterator[int]:
    settings = {
        "TIDINGS_JWKS_URL": server.url,
        "TIDINGS_JWT_ISSUER": POOL,
        "TIDINGS_JWT_AUDIENCE": ",".join(CLIENTS),
        "TIDINGS_JWT_USER_CLAIM": "username",
        "TIDINGS_JWT_ROLES_CLAIM": "cognito:groups",
    }
    with stack(f"environment={settings!r}, in_memory={in_memory}") as port:
        yield port


def ask(port: int, path: str, token: str = "", body: Any = None) -> tuple[int, Any, Any]:
    """The status, headers and JSON of an answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps(body).encode() if body is not None else None,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as found:
            return found.status, found.headers, json.load(found)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers, json.load(refused)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_token_of_the_issuer(port: int, server: KeyServer, client: str) -> None:
    token = FakeIssuer().sign(cognito_access(POOL, client, int(time.time())), "rs")
    device = Device(f"ws://127.0.0.1:{port}/ws?token={token}")
    assert device.act("hello")["user_id"] == "ann"
    device.close()
    status, _, _ = ask(
        port, "/v1/notifications", token, {"user_id": "bob", "content": {"text": "hi"}}
    )
    assert status == 201, "a member of the group `service`"
    assert len(server.asked) == 1


def test_tokens_of_the_stack_itself_name_its_issuer(port: int) -> None:
    """So the page and `tidings` work as without one."""
    _, _, given = ask(port, "/dev/token", body={"user_id": "alice"})
    status, _, _ = ask(port, "/v1/rooms", given["token"])
    assert status == 200


def test_a_refusal_says_why(port: int) -> None:
    stranger = FakeIssuer().sign(cognito_access(POOL, "others", int(time.time())), "rs")
    status, headers, body = ask(port, "/v1/rooms", stranger)
    assert (status, body["error"]["reason"]) == (401, "wrong_audience")
    assert headers["WWW-Authenticate"].startswith('Bearer realm="tidings", error="invalid_token"')
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://127.0.0.1:{port}/ws?token={stranger}"),
    ):
        pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body) == body
