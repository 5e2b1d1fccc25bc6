"""Authentication to the cache: ElastiCache's IAM authentication, or a password from the secrets.

redis-py calls a provider for each new connection, so a rotated password or a new token needs no
new client. If a provider fails, authentication fails, and the cache counts as down.
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from ...kernel.errors import Unavailable
from ...kernel.settings import ca_bundle
from ...ports.access import Secrets
from ...ports.system import Clock
from ..http.sigv4 import Credentials, amz_date, presigned

T = TypeVar("T")
PASSWORD = "{redis_password}"
TOKEN_S = 900  # the maximum that ElastiCache accepts


class Provider(Protocol):
    """redis-py's CredentialProvider."""

    def get_credentials(self) -> tuple[str] | tuple[str, str]: ...


class IamToken:
    """The password is a presigned request to the cache, valid for 15 minutes.

    Args:
        user: The ElastiCache user; its id and its name must be the same.
        cache: Name of the serverless cache, or id of the replication group.
    """

    def __init__(
        self,
        user: str,
        cache: str,
        region: str,
        serverless: bool,
        credentials: Callable[[], Credentials],
        clock: Clock,
    ) -> None:
        self._user = user
        self._cache = cache.lower()  # ElastiCache stores and verifies the name in lower case
        self._region = region
        self._serverless = serverless
        self._credentials = credentials
        self._clock = clock

    def get_credentials(self) -> tuple[str, str]:
        query = {"Action": "connect", "User": self._user}
        if self._serverless:
            query["ResourceType"] = "ServerlessCache"
        credentials = _or_refused(self._credentials)
        date = amz_date(self._clock.now_ms())
        return self._user, presigned(
            self._cache, "elasticache", self._region, credentials, date, query, TOKEN_S
        )


class SecretPassword:
    """The current password from the secrets."""

    def __init__(self, user: str, secrets: Secrets) -> None:
        self._user = user
        self._secrets = secrets

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = _or_refused(lambda: self._secrets.get("redis_password"))
        return (self._user, password) if self._user else (password,)


def from_url(url: str, secrets: Secrets) -> tuple[str, Provider | None]:
    """Split a URL with the placeholder `{redis_password}` into the bare URL and a provider.

    Other URLs are returned unchanged, without a provider.
    """
    parts = urlsplit(url)
    if parts.password != PASSWORD:
        return url, None
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, SecretPassword(unquote(parts.username or ""), secrets)


def tls_options(url: str) -> dict[str, Any]:
    """redis-py's options of a TLS connection, which verifies the server's name and certificate."""
    bundle = ca_bundle()
    return {"ssl_ca_certs": bundle} if bundle and url.startswith("rediss://") else {}


def _or_refused(act: Callable[[], T]) -> T:
    from redis.exceptions import AuthenticationError

    try:
        return act()
    except Unavailable as fault:
        raise AuthenticationError("no credentials for the cache") from fault
