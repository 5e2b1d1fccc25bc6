"""Authentication by JWT: HS256 with a secret, or RS256/ES256 with the keys of an issuer.

The settings decide which algorithms are accepted, never the token's header (RFC 8725 section 3.1).
So `alg: none` is refused, and so is a public key used as an HS256 secret. Whoever cannot sign
learns nothing of what a token must say: the claims are read when the signature holds.

During a rotation of the secret, tokens of the previous secret stay valid. Beside an issuer, tokens
of the secret must name it and the audience, too, unless a setting says otherwise: whoever holds the
secret may have given it to other services.
"""

from __future__ import annotations

from typing import Any

from ..kernel.errors import TokenFault, Unauthorized
from ..kernel.settings import Settings
from ..model.access import Identity
from ..ports.access import Issuer, Secrets
from ..ports.system import Clock
from .claims import identity
from .issuer_keys import ALGORITHMS, IssuerKeys

MAX_TOKEN_BYTES = 8192
_SECRETS = ("jwt_secret", "jwt_secret_previous")
_CHECKED_HERE = ("exp", "nbf", "iat", "iss", "aud", "sub", "jti")  # not by PyJWT
_OPTIONS: Any = {f"verify_{claim}": False for claim in _CHECKED_HERE}


class Tokens:
    """Verifies tokens. Imports PyJWT only at first use, as most frames do not need it."""

    def __init__(self, settings: Settings, secrets: Secrets, issuer: Issuer, clock: Clock) -> None:
        self._settings = settings
        self._secrets = secrets
        self._keys = IssuerKeys(issuer, clock)
        self._clock = clock

    def verify(self, token: str) -> Identity:
        """Verify a token and return whose it is.

        Raises:
            Unauthorized: The token is missing, expired or not valid; `reason` says why.
            Unavailable: The secret or the issuer's keys cannot be read.
        """
        header = _header(token)
        algorithm = header.get("alg")
        scoped = True
        if algorithm == "HS256":
            claims = self._by_secret(token)
            scoped = not self._settings.jwt_secret_unscoped
        elif algorithm in ALGORITHMS and self._settings.jwks_url:
            key = self._keys.find(header.get("kid"), algorithm)
            claims = _claims(token, key, algorithm)
        else:
            raise _not_accepted()
        return identity(claims, self._settings, self._clock.now_ms(), scoped=scoped)

    def _by_secret(self, token: str) -> dict[str, Any]:
        refused = _not_accepted()
        for name in _SECRETS:
            if secret := self._secrets.get(name):
                try:
                    return _claims(token, secret, "HS256")
                except Unauthorized as fault:
                    if fault.reason is not TokenFault.SIGNATURE:
                        raise
                    refused = fault
        raise refused


def _header(token: str) -> dict[str, Any]:
    import jwt

    if not token:
        raise Unauthorized("a token is required", TokenFault.MISSING)
    if len(token) > MAX_TOKEN_BYTES:
        raise Unauthorized(
            f"the token is too long: {MAX_TOKEN_BYTES} bytes at most", TokenFault.MALFORMED
        )
    if not token.isascii():
        raise _malformed()
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise _malformed() from None


def _claims(token: str, key: Any, algorithm: str) -> dict[str, Any]:
    """The claims of a token whose signature holds."""
    import jwt

    try:
        return dict(jwt.decode(token, key, algorithms=[algorithm], options=_OPTIONS))
    except jwt.InvalidSignatureError:
        raise Unauthorized("the token's signature is not valid", TokenFault.SIGNATURE) from None
    except (jwt.InvalidAlgorithmError, jwt.InvalidKeyError):
        raise _not_accepted() from None
    except jwt.PyJWTError:
        raise _malformed() from None


def _malformed() -> Unauthorized:
    return Unauthorized(
        "the token is not a JWT: three parts of base64url, separated by dots", TokenFault.MALFORMED
    )


def _not_accepted() -> Unauthorized:
    return Unauthorized(
        "the token's `alg` is not accepted: use HS256 with this deployment's secret, or RS256 or "
        "ES256 of its issuer, where it has one",
        TokenFault.ALGORITHM,
    )
