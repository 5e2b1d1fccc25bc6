"""How the cache knows us: ElastiCache's IAM authentication, or a password from the secrets.

redis-py asks a provider at each new connection, so a rotated password or a fresh token needs no
new client. A provider that cannot answer is a failed authentication, hence an absent cache.
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from ...kernel.errors import Unavailable
from ...ports.access import Secrets
from ..apigateway.sigv4 import Credentials

T = TypeVar("T")
PASSWORD = "{redis_password}"
TOKEN_S = 900  # the most that ElastiCache takes


class Provider(Protocol):
    """redis-py's CredentialProvider."""

    def get_credentials(self) -> tuple[str] | tuple[str, str]: ...


class IamToken:
    """A user's password is a presigned request to the cache by name, good for 15 minutes.

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
    ) -> None:
        self._user = user
        self._cache = cache.lower()  # as ElastiCache keeps it and verifies it
        self._region = region
        self._serverless = serverless
        self._credentials = credentials

    def get_credentials(self) -> tuple[str, str]:
        from botocore.auth import SigV4QueryAuth
        from botocore.awsrequest import AWSRequest

        query = {"Action": "connect", "User": self._user}
        if self._serverless:
            query["ResourceType"] = "ServerlessCache"
        request: Any = AWSRequest("GET", f"http://{self._cache}/", params=query)
        credentials: Any = _or_refused(self._credentials)  # it has what a signer reads
        SigV4QueryAuth(credentials, "elasticache", self._region, TOKEN_S).add_auth(request)
        return self._user, str(request.url).removeprefix("http://")


class SecretPassword:
    """The password that the secrets hold now."""

    def __init__(self, user: str, secrets: Secrets) -> None:
        self._user = user
        self._secrets = secrets

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        password = _or_refused(lambda: self._secrets.get("redis_password"))
        return (self._user, password) if self._user else (password,)


def from_url(url: str, secrets: Secrets) -> tuple[str, Provider | None]:
    """A URL with `{redis_password}` in place of a password: the URL without it, its provider."""
    parts = urlsplit(url)
    if parts.password != PASSWORD:
        return url, None
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, SecretPassword(unquote(parts.username or ""), secrets)


def _or_refused(act: Callable[[], T]) -> T:
    from redis.exceptions import AuthenticationError

    try:
        return act()
    except Unavailable as fault:
        raise AuthenticationError("no credentials for the cache") from fault
