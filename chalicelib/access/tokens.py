"""Authentication by JWT: HS256 with a secret, or RS256/ES256 with the keys of a JWKS.

During a rotation of the secret, tokens of the previous secret stay valid.

The settings decide which algorithms are accepted, never the token's header (RFC 8725 section 3.1).
So `alg: none` is refused, and so is a public key used as an HS256 secret.
"""

from __future__ import annotations

from typing import Any

from ..kernel import names
from ..kernel.errors import Unauthorized, Unavailable
from ..kernel.settings import Settings
from ..model.access import Identity
from ..model.identifiers import UserId
from ..ports.access import Secrets

MAX_TOKEN_BYTES = 8192


class Tokens:
    """Verifies tokens. Imports PyJWT only at first use, as most frames do not need it."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._jwks: Any = None

    def verify(self, token: str) -> Identity:
        """Verify a token and return whose it is.

        Raises:
            Unauthorized: The token is missing, expired or not valid.
            Unavailable: The secret or the issuer's keys cannot be read.
        """
        import jwt

        if not token or len(token) > MAX_TOKEN_BYTES:
            raise Unauthorized("a token is required" if not token else "the token is too long")
        try:
            claims = self._decode(jwt, token)
        except jwt.ExpiredSignatureError:
            raise Unauthorized("the token has expired, get a new one") from None
        except jwt.exceptions.PyJWKClientConnectionError:
            raise Unavailable("the issuer's keys cannot be read, try again") from None
        except jwt.PyJWTError:
            raise Unauthorized("the token is not valid") from None
        return _identity(claims)

    def _decode(self, jwt: Any, token: str) -> dict[str, Any]:
        settings = self._settings
        algorithm = jwt.get_unverified_header(token).get("alg")
        if algorithm == "HS256":
            decoded = self._decode_hs256(jwt, token)
        elif algorithm in ("RS256", "ES256") and settings.jwks_url:
            self._jwks = self._jwks or jwt.PyJWKClient(settings.jwks_url, timeout=3)
            decoded = jwt.decode(
                token,
                self._jwks.get_signing_key_from_jwt(token),  # the key says for which algorithm
                algorithms=[algorithm],
                issuer=settings.jwt_issuer,
                audience=settings.jwt_audience,
                options={"require": ["sub", "exp", "iss", "aud"]},
            )
        else:
            raise jwt.InvalidAlgorithmError("not an accepted algorithm")
        return dict(decoded)

    def _decode_hs256(self, jwt: Any, token: str) -> Any:
        refused: Exception = jwt.InvalidAlgorithmError("not an accepted algorithm")
        for name in ("jwt_secret", "jwt_secret_previous"):
            if secret := self._secrets.get(name):
                options = {"require": ["sub", "exp"]}
                try:
                    return jwt.decode(token, secret, algorithms=["HS256"], options=options)
                except jwt.InvalidSignatureError as fault:
                    refused = fault
        raise refused


def _identity(claims: dict[str, Any]) -> Identity:
    user, roles = claims.get("sub"), claims.get("roles", [])
    if not isinstance(user, str) or not names.is_user(user):
        raise Unauthorized("the token's `sub` is not a valid user id")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Unauthorized("the token's `roles` must be a list of strings")
    return Identity(UserId(user), int(claims["exp"]), tuple(roles))
