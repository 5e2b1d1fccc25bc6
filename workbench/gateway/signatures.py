"""Verifies AWS Signature Version 4. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
"""

from __future__ import annotations

import functools
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, unquote

SERVICE = "execute-api"
_SKEW = timedelta(minutes=5)
_STAMP = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)"
    r"/(?P<service>[a-z0-9-]+)/aws4_request, *"
    r"SignedHeaders=(?P<signed>[a-z0-9;_-]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


class Refused(Exception):
    """A request that AWS answers with 403.

    Attributes:
        type: The value of the header x-amzn-ErrorType.
    """

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.type = type


@dataclass(frozen=True)
class Request:
    """The received request. `path` and `query` are as on the wire, still percent-encoded."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """All values of a header, joined as the canonical request joins them."""
        return self._joined.get(name)

    @property
    def names(self) -> Collection[str]:
        """The names of all headers, in lower case."""
        return self._joined.keys()

    @functools.cached_property
    def _joined(self) -> dict[str, str]:
        joined: dict[str, str] = {}
        for key, value in self.headers:
            name, plain = key.lower(), " ".join(value.split())
            joined[name] = f"{joined[name]},{plain}" if name in joined else plain
        return joined


def verify(
    request: Request,
    region: str | None,
    credentials: Mapping[str, str] | None,
    now: datetime,
    service: str | None = SERVICE,
) -> None:
    """Verify a signature completely, or without `credentials` (secret by access key id) its form.

    A session token is part of what is signed, but nobody here can say whether it is a good one.
    The scope's region and service are checked unless None is given.

    Raises:
        Refused: The request must be answered with 403.
    """
    authorization = request.header("authorization")
    if authorization is None:
        raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(authorization)
    stamp = request.header("x-amz-date")
    if match is None or stamp is None:
        raise Refused("IncompleteSignatureException", _missing(authorization, stamp))
    scope = f"{match['day']}/{match['region']}/{match['service']}/aws4_request"
    _check_scope((match["region"], match["service"]), (region, service))
    if credentials is None:
        return
    _check_date(stamp, match["day"], now)
    signed = match["signed"].split(";")
    _check_signed(request, signed)
    secret = credentials.get(match["key"])
    if secret is None:
        text = "The security token included in the request is invalid."
        raise Refused("UnrecognizedClientException", text)
    canonical = canonical_request(request, signed)
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    if not hmac.compare_digest(_signature(secret, scope, to_sign), match["signature"]):
        raise Refused("InvalidSignatureException", _MISMATCH)


def canonical_request(request: Request, signed: Sequence[str]) -> str:
    """The canonical request; its path is encoded once more than on the wire, except on S3."""
    lines = "".join(f"{name}:{request.header(name) or ''}\n" for name in signed)
    return "\n".join(
        (
            request.method,
            _quoted(request.path),
            _canonical_query(request.query),
            lines,
            ";".join(signed),
            sha256(request.body).hexdigest(),
        )
    )


@functools.lru_cache(maxsize=4096)
def _quoted(path: str) -> str:
    return quote(path, safe="/~")


def _canonical_query(query: str) -> str:
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    encoded = sorted(tuple(quote(unquote(each), safe="~") for each in pair) for pair in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _signature(secret: str, scope: str, to_sign: str) -> str:
    return hmac.digest(_signing_key(secret, scope), to_sign.encode(), "sha256").hex()


@functools.lru_cache(maxsize=64)
def _signing_key(secret: str, scope: str) -> bytes:
    """The signing key of a day, region and service: all its requests share it."""
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _missing(authorization: str, stamp: str | None) -> str:
    """Which parts are missing. AWS repeats the header; this does not, as it may hold a token."""
    said = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if f"{name}=" not in authorization
    ]
    if stamp is None:
        said.append("Authorization header requires existence of a 'X-Amz-Date' header.")
    return " ".join(said) or "Authorization header is malformed."


def _check_scope(
    given: tuple[str, str],
    ours: tuple[str | None, str | None],
) -> None:
    """Compare (region, service)."""
    if given[0] != (ours[0] or given[0]):
        text = f"Credential should be scoped to a valid region, not '{given[0]}'."
        raise Refused("InvalidSignatureException", text)
    if given[1] != (ours[1] or given[1]):
        text = f"Credential should be scoped to correct service: '{ours[1]}'."
        raise Refused("InvalidSignatureException", text)


@functools.lru_cache(maxsize=64)
def _time_of(stamp: str) -> datetime:
    """Read a time stamp. The requests of a second have the same."""
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)


def _check_date(stamp: str, day: str, now: datetime) -> None:
    try:
        at = _time_of(stamp)
    except ValueError:
        text = "Date must be in ISO-8601 'basic format'."
        raise Refused("IncompleteSignatureException", text) from None
    text = ""
    if not stamp.startswith(day):
        text = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date"
        text += f" from HTTP: '{day}' != '{stamp[:8]}', from '{stamp}'."
    elif at < now - _SKEW:
        text = f"Signature expired: {stamp} is now earlier than {now - _SKEW:{_STAMP}}"
        text += f" ({now:{_STAMP}} - 5 min.)"
    elif at > now + _SKEW:
        text = f"Signature not yet current: {stamp} is still later than {now + _SKEW:{_STAMP}}"
        text += f" ({now:{_STAMP}} + 5 min.)"
    if text:
        raise Refused("InvalidSignatureException", text)


def _check_signed(request: Request, signed: Sequence[str]) -> None:
    """Check that the host and all x-amz- headers are signed."""
    needed = {"host"} | {name for name in request.names if name.startswith("x-amz-")}
    unsigned = sorted(needed - set(signed))
    if unsigned:
        text = f"'{unsigned[0]}' must be a 'SignedHeader' in the AWS Authorization."
        raise Refused("InvalidSignatureException", text)
