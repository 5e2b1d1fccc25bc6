"""AWS Signature Version 4, reduced to requests without query and headers that are known. Pure.

A day's key is derived once and cached with its HMAC pads already hashed. A signature then needs
three short SHA-256 runs over prepared state.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from hashlib import _Hash

EMPTY_HASH = sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"
_BLOCK_BYTES = 64
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def amz_date(now_ms: int) -> str:
    """`YYYYMMDDTHHMMSSZ`."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=8192)
def paths(stage: str, connection_id: str) -> tuple[str, str]:
    """The path of a connection on the wire and in the canonical request.

    On the wire it is percent-encoded once, including "=" and "/" in the id. The canonical form
    encodes the encoded path again, as all services except S3 require.
    """
    wire = f"/{quote(stage, safe='')}/@connections/{quote(connection_id, safe='')}"
    return wire, canonical_path(wire)


def canonical_path(wire: str) -> str:
    """A path as it is signed: percent-encoded once more than on the wire."""
    return quote(wire, safe="/~")


@lru_cache(maxsize=32)
def _pads(secret: str, day: str, region: str, service: str) -> tuple[_Hash, _Hash]:
    """The day's key as the two SHA-256 states with which its HMACs start (RFC 2104)."""
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return sha256(block.translate(_INNER_PAD)), sha256(block.translate(_OUTER_PAD))


class Signer:
    """Signs requests to one host under one date and one set of credentials.

    Attributes:
        headers: The signed header lines, each with its CRLF; send them unchanged.
    """

    __slots__ = ("_inner", "_middle", "_outer", "_start", "_to_sign", "headers")

    def __init__(
        self,
        host: str,
        region: str,
        credentials: Credentials,
        date: str,
        service: str = "execute-api",
        more: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`date` is that of `amz_date`; `more` are headers to sign, with names in lower case."""
        signed = [("host", host), ("x-amz-date", date), *more]
        if credentials.token:
            signed.append(("x-amz-security-token", credentials.token))
        signed.sort()
        names = ";".join(name for name, _ in signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed)
        scope = f"{date[:8]}/{region}/{service}/aws4_request"
        self.headers = "".join(f"{name}: {value}\r\n" for name, value in signed)
        self._middle = f"\n\n{lines}\n{names}\n"
        self._to_sign = f"{_ALGORITHM}\n{date}\n{scope}\n"
        self._start = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature="
        )
        self._inner, self._outer = _pads(credentials.secret_key, date[:8], region, service)

    def authorization(self, method: str, canonical_path: str, body_hash: str) -> str:
        """The Authorization header of a request without query; `body_hash` is lower-case hex."""
        canonical = f"{method}\n{canonical_path}{self._middle}{body_hash}"
        return self._start + _signature(self._inner, self._outer, self._to_sign, canonical)


def presigned(
    host: str,
    service: str,
    region: str,
    credentials: Credentials,
    date: str,
    query: Mapping[str, str],
    valid_s: int,
) -> str:
    """`host/?query` of a GET that is signed by its query, for `valid_s` seconds from `date`."""
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    given = {
        **query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": date,
        "X-Amz-Expires": str(valid_s),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token:
        given["X-Amz-Security-Token"] = credentials.token
    pairs = [(quote(name, safe="~"), quote(text, safe="~")) for name, text in given.items()]
    signed = "&".join(f"{name}={text}" for name, text in sorted(pairs))
    canonical = f"GET\n/\n{signed}\nhost:{host}\n\nhost\n{EMPTY_HASH}"
    inner, outer = _pads(credentials.secret_key, date[:8], region, service)
    to_sign = f"{_ALGORITHM}\n{date}\n{scope}\n"
    pairs.append(("X-Amz-Signature", _signature(inner, outer, to_sign, canonical)))
    return f"{host}/?" + "&".join(f"{name}={text}" for name, text in pairs)


def _signature(inner: _Hash, outer: _Hash, to_sign: str, canonical: str) -> str:
    inner, outer = inner.copy(), outer.copy()
    inner.update((to_sign + sha256(canonical.encode()).hexdigest()).encode())
    outer.update(inner.digest())
    return outer.hexdigest()
