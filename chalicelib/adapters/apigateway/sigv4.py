"""AWS Signature Version 4 for execute-api, reduced to what @connections needs. Pure.

A day's key is derived once and cached with its HMAC pads already hashed; the headers are always
the same. A signature then needs three short SHA-256 runs over prepared state.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from hashlib import _Hash

_BLOCK_BYTES = 64
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@lru_cache(maxsize=8192)
def paths(stage: str, connection_id: str) -> tuple[str, str]:
    """The path of a connection on the wire and in the canonical request.

    On the wire it is percent-encoded once, including "=" and "/" in the id. The canonical form
    encodes the encoded path again, as all services except S3 require.
    """
    wire = f"/{quote(stage, safe='')}/@connections/{quote(connection_id, safe='')}"
    return wire, wire.replace("%", "%25").replace("@", "%40")


@lru_cache(maxsize=16)
def _pads(secret: str, day: str, region: str) -> tuple[_Hash, _Hash]:
    """The day's key as the two SHA-256 states with which its HMACs start (RFC 2104)."""
    key = ("AWS4" + secret).encode()
    for part in (day, region, "execute-api", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return sha256(block.translate(_INNER_PAD)), sha256(block.translate(_OUTER_PAD))


class Signer:
    """Signs requests to one host under one date and one set of credentials.

    Attributes:
        headers: The signed header lines, each with its CRLF; send them unchanged.
    """

    __slots__ = ("_inner", "_middle", "_outer", "_start", "_to_sign", "headers")

    def __init__(self, host: str, region: str, credentials: Credentials, amz_date: str) -> None:
        """`amz_date` is `YYYYMMDDTHHMMSSZ`, sent as x-amz-date."""
        signed = [("host", host), ("x-amz-date", amz_date)]
        if credentials.token:
            signed.append(("x-amz-security-token", credentials.token))
        names = ";".join(name for name, _ in signed)
        lines = "".join(f"{name}:{value}\n" for name, value in signed)
        scope = f"{amz_date[:8]}/{region}/execute-api/aws4_request"
        self.headers = "".join(f"{name}: {value}\r\n" for name, value in signed)
        self._middle = f"\n\n{lines}\n{names}\n"
        self._to_sign = f"AWS4-HMAC-SHA256\n{amz_date}\n{scope}\n"
        self._start = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature="
        )
        self._inner, self._outer = _pads(credentials.secret_key, amz_date[:8], region)

    def authorization(self, method: str, canonical_path: str, body_hash: str) -> str:
        """The Authorization header of a request without query; `body_hash` is lower-case hex."""
        canonical = f"{method}\n{canonical_path}{self._middle}{body_hash}"
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update((self._to_sign + sha256(canonical.encode()).hexdigest()).encode())
        outer.update(inner.digest())
        return self._start + outer.hexdigest()
