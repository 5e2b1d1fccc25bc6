"""Tokens for ElastiCache, checked by another hand's Signature Version 4."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import pytest
from redis.exceptions import AuthenticationError

from chalicelib.adapters.http.sigv4 import Credentials
from chalicelib.adapters.redis.auth import IamToken, SecretPassword, from_url
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.adapters.system import SystemClock
from chalicelib.kernel.errors import Unavailable

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session/token==")
EMPTY = hashlib.sha256(b"").hexdigest()


def signature(token: str, region: str) -> str:
    """As the general recipe for a presigned request gives it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    parts = urlsplit(f"http://{token}")
    query = [(k, v) for k, v in parse_qsl(parts.query) if k != "X-Amz-Signature"]
    canonical = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(query))
    at = dict(query)["X-Amz-Date"]
    request = f"GET\n/\n{canonical}\nhost:{parts.netloc}\n\nhost\n{EMPTY}"
    scope = f"{at[:8]}/{region}/elasticache/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{KEYS.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}".encode(), "sha256").hex()


@pytest.mark.parametrize("serverless", [True, False])
def test_the_password_is_a_presigned_request_to_the_cache_by_name(serverless: bool) -> None:
    auth = IamToken(
        "tidings-app", "Tidings-Cache", "eu-west-1", serverless, lambda: KEYS, SystemClock()
    )
    user, token = auth.get_credentials()
    assert user == "tidings-app"
    assert token.startswith("tidings-cache/?Action=connect&User=tidings-app&")
    query = {name: values[0] for name, values in parse_qs(token.split("?")[1]).items()}
    assert query.pop("ResourceType", None) == ("ServerlessCache" if serverless else None)
    at = query.pop("X-Amz-Date")
    assert query.pop("X-Amz-Signature") == signature(token, "eu-west-1")
    assert query == {
        "Action": "connect",
        "User": "tidings-app",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"AKIDEXAMPLE/{at[:8]}/eu-west-1/elasticache/aws4_request",
        "X-Amz-Expires": "900",
        "X-Amz-Security-Token": "session/token==",
        "X-Amz-SignedHeaders": "host",
    }


def away() -> Credentials:
    raise Unavailable("no AWS credentials")


class Away:
    def get(self, name: str) -> str:
        raise Unavailable("the secrets cannot be read")


def test_a_provider_that_cannot_answer_is_a_failed_authentication() -> None:
    for provider in (
        IamToken("u", "c", "us-east-1", True, away, SystemClock()),
        SecretPassword("u", Away()),
    ):
        with pytest.raises(AuthenticationError):
            provider.get_credentials()


SECRETS = FixedSecrets({"redis_password": "s3cret"})


@pytest.mark.parametrize(
    ("url", "bare", "credentials"),
    [
        ("rediss://:{redis_password}@host:6379/0", "rediss://host:6379/0", ("s3cret",)),
        ("redis://a%40b:{redis_password}@host", "redis://host", ("a@b", "s3cret")),
    ],
)
def test_a_password_from_the_secrets(url: str, bare: str, credentials: tuple[str, ...]) -> None:
    found, provider = from_url(url, SECRETS)
    assert found == bare
    assert provider is not None
    assert provider.get_credentials() == credentials


@pytest.mark.parametrize("url", ["", "redis://host:6379/0", "rediss://user:own@host:6379"])
def test_other_urls_are_as_given(url: str) -> None:
    assert from_url(url, Away()) == (url, None)
