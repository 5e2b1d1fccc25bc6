"""SigV4 on @connections.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from botocore.exceptions import ClientError

from chalicelib.adapters.http.sigv4 import Credentials, Signer, paths
from tests.support.gateway import Functions, manage, open_socket, running
from workbench.gateway.signatures import Refused, Request, verify

REGION, HOST, NAME = "eu-west-1", "127.0.0.1:8080", "Aw5_-xyz/+1="
KEYS = {"AK": "secret", "OTHER": "another"}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = "20260102T030405Z"


def by_chalicelib(body: bytes = b"hello", stamp: str = STAMP, **changed: Any) -> Request:
    """Sign as the product does."""
    wire, canonical = paths("prod", NAME)
    given = Credentials("AK", changed.get("secret", "secret"), changed.get("token"))
    signer = Signer(HOST, changed.get("region", REGION), given, stamp)
    authorization = signer.authorization("POST", canonical, sha256(body).hexdigest())
    lines = [line.split(": ", 1) for line in signer.headers.splitlines()]
    headers = [(name, value) for name, value in lines] + [("Authorization", authorization)]
    return Request("POST", wire, "", headers, body)


def by_botocore(
    body: bytes = b"hello", service: str = "execute-api", query: str = "", token: str | None = None
) -> Request:
    """Sign as AWS's own library does."""
    wire, _ = paths("prod", NAME)
    url = f"http://{HOST}{wire}" + (f"?{query}" if query else "")
    request = AWSRequest("POST", url, data=body, headers={"X-Extra": "a   b "})
    SigV4Auth(BotoCredentials("AK", "secret", token), service, REGION).add_auth(request)
    headers = [*request.headers.items(), ("Host", HOST)]
    return Request("POST", wire, query, headers, body)


def stamp_of(request: Request) -> datetime:
    return datetime.strptime(request.header("x-amz-date") or "", "%Y%m%dT%H%M%SZ").replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize("token", [None, "session-token"])
def test_the_product_s_own_signature_is_good(token: str | None) -> None:
    """reference_sigv-create-signed-request."""
    verify(by_chalicelib(token=token), REGION, KEYS, NOW)


@pytest.mark.parametrize("token", [None, "session-token"])
@pytest.mark.parametrize("query", ["", "b=2&a=1%20x&a=&flag"])
def test_botocore_s_signature_is_good(token: str | None, query: str) -> None:
    """reference_sigv-create-signed-request."""
    request = by_botocore(token=token, query=query)
    verify(request, REGION, KEYS, stamp_of(request))


def _header(name: str, change: Callable[[str], str]) -> Callable[[Request], Request]:
    def tamper(request: Request) -> Request:
        headers = [(n, change(v) if n.lower() == name else v) for n, v in request.headers]
        return replace(request, headers=headers)

    return tamper


@pytest.mark.parametrize(
    "tamper",
    [
        lambda r: replace(r, body=b"hello!"),
        lambda r: replace(r, body=b""),
        lambda r: replace(r, path=r.path.replace("Aw5", "Aw6")),
        lambda r: replace(r, path=r.path.replace("%3D", "=")),
        lambda r: replace(r, method="DELETE"),
        lambda r: replace(r, query="x=1"),
        _header("host", lambda _: "elsewhere"),
        _header("x-amz-date", lambda _: "20260102T030406Z"),
        _header("authorization", lambda v: v.replace("=AK/", "=OTHER/")),
        _header("authorization", lambda v: v[:-1] + ("0" if v[-1] != "0" else "1")),
    ],
    ids=[
        "body",
        "empty",
        "path",
        "encoding",
        "method",
        "query",
        "host",
        "date",
        "key",
        "signature",
    ],
)
def test_what_was_tampered_with_is_refused(tamper: Callable[[Request], Request]) -> None:
    """reference_sigv-troubleshooting: canonicalization errors."""
    with pytest.raises(Refused, match="signature we calculated does not match") as refused:
        verify(tamper(by_chalicelib()), REGION, KEYS, NOW)
    assert refused.value.type == "InvalidSignatureException"


def test_a_path_encoded_only_once_is_refused() -> None:
    """reference_sigv-create-signed-request: the canonical path encodes the wire's path again."""
    request = by_chalicelib()
    wire, _ = paths("prod", NAME)
    signer = Signer(HOST, REGION, Credentials("AK", "secret"), STAMP)
    wrong = signer.authorization("POST", wire, sha256(b"hello").hexdigest())
    with pytest.raises(Refused, match="does not match"):
        verify(_header("authorization", lambda _: wrong)(request), REGION, KEYS, NOW)


@pytest.mark.parametrize(
    ("request_", "type", "text"),
    [
        (by_chalicelib(secret="wrong"), "InvalidSignatureException", "does not match"),
        (by_chalicelib(region="us-east-1"), "InvalidSignatureException", "valid region"),
        (by_botocore(service="s3"), "InvalidSignatureException", "correct service: 'execute-api'"),
        (
            _header("authorization", lambda v: v.replace("=AK/", "=NOBODY/"))(by_chalicelib()),
            "UnrecognizedClientException",
            "security token included in the request is invalid",
        ),
        (
            _header("authorization", lambda v: v.replace("20260102/", "20260101/"))(
                by_chalicelib()
            ),
            "InvalidSignatureException",
            "Date in Credential scope does not match",
        ),
        (
            _header("authorization", lambda v: v.replace("host;", ""))(by_chalicelib()),
            "InvalidSignatureException",
            "'host' must be a 'SignedHeader'",
        ),
        (
            replace(by_chalicelib(), headers=[*by_chalicelib().headers, ("x-amz-meta", "1")]),
            "InvalidSignatureException",
            "'x-amz-meta' must be a 'SignedHeader'",
        ),
        (
            replace(by_chalicelib(), headers=[("Host", HOST)]),
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        (
            replace(by_chalicelib(), headers=[("Host", HOST), ("Authorization", "Bearer abc")]),
            "IncompleteSignatureException",
            "requires 'Credential' parameter",
        ),
        (
            replace(
                by_chalicelib(),
                headers=[h for h in by_chalicelib().headers if h[0] != "x-amz-date"],
            ),
            "IncompleteSignatureException",
            "X-Amz-Date",
        ),
        (
            _header("x-amz-date", lambda _: "2026-01-02")(by_chalicelib()),
            "IncompleteSignatureException",
            "ISO-8601",
        ),
    ],
    ids=[
        "secret",
        "region",
        "service",
        "key-id",
        "scope-date",
        "host-unsigned",
        "amz-header-unsigned",
        "missing",
        "bearer",
        "no-date",
        "bad-date",
    ],
)
def test_every_fault_has_aws_s_words(request_: Request, type: str, text: str) -> None:
    """reference_sigv-troubleshooting."""
    with pytest.raises(Refused, match=text) as refused:
        verify(request_, REGION, KEYS, NOW)
    assert refused.value.type == type
    assert "Bearer abc" not in str(refused.value)


@pytest.mark.parametrize(
    ("skew_s", "text"),
    [(-300, ""), (300, ""), (-301, "not yet current"), (301, "Signature expired")],
)
def test_a_date_may_be_five_minutes_off(skew_s: int, text: str) -> None:
    """reference_sigv-troubleshooting: Signature expired / not yet current."""
    now = NOW + timedelta(seconds=skew_s)
    if not text:
        verify(by_chalicelib(), REGION, KEYS, now)
        return
    with pytest.raises(Refused, match=text) as refused:
        verify(by_chalicelib(), REGION, KEYS, now)
    assert refused.value.type == "InvalidSignatureException"


def test_without_credentials_only_the_form_counts() -> None:
    """The default of the local stack: any key, but a signature is required."""
    verify(by_chalicelib(secret="whatever"), REGION, None, NOW + timedelta(days=9))
    with pytest.raises(Refused):
        verify(replace(by_chalicelib(), headers=[]), REGION, None, NOW)


def client(host: str, secret: str) -> Any:
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"http://{host}/prod",
        region_name=REGION,
        aws_access_key_id="AK",
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


async def test_boto3_posts_gets_and_deletes() -> None:
    """API_PostToConnection, API_GetConnection, API_DeleteConnection, over a real socket."""
    functions = Functions()
    async with running(functions, region=REGION, credentials=KEYS) as (gateway, host):
        socket = await open_socket(host, user_agent_header="tests")
        (name,) = gateway.connections
        api = client(host, "secret")
        await asyncio.to_thread(api.post_to_connection, ConnectionId=name, Data=b"hi")
        assert await socket.recv() == "hi"
        found = await asyncio.to_thread(api.get_connection, ConnectionId=name)
        assert found["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "tests"}
        await asyncio.to_thread(api.delete_connection, ConnectionId=name)
        assert await functions.disconnected() == (1000, "Connection Closed Normally")
        with pytest.raises(ClientError) as gone:
            await asyncio.to_thread(api.post_to_connection, ConnectionId=name, Data=b"hi")
        assert gone.value.response["Error"]["Code"] == "GoneException"
        await socket.wait_closed()


async def test_a_wrong_secret_is_a_403_and_reaches_nobody() -> None:
    """apigateway-websocket-control-access-iam."""
    async with running(Functions(), region=REGION, credentials=KEYS) as (gateway, host):
        socket = await open_socket(host)
        (name,) = gateway.connections
        with pytest.raises(ClientError) as refused:
            await asyncio.to_thread(
                client(host, "wrong").post_to_connection, ConnectionId=name, Data=b"hi"
            )
        answer = refused.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert answer["Error"]["Code"] == "InvalidSignatureException"
        assert await manage("GET", host, name, headers={}) == (
            403,
            "MissingAuthenticationTokenException",
            {"message": "Missing Authentication Token"},
        )
        await asyncio.to_thread(
            client(host, "secret").post_to_connection, ConnectionId=name, Data=b"only this"
        )
        assert await socket.recv() == "only this"
        await socket.close()
