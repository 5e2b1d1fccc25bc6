"""What a token whose signature holds must say. Pure.

https://www.rfc-editor.org/rfc/rfc7519#section-4.1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..kernel import names
from ..kernel.errors import TokenFault, Unauthorized
from ..kernel.settings import Settings
from ..model.access import Identity
from ..model.identifiers import UserId

LEEWAY_S = 60  # between the clocks of the issuer and of this service
_MILLISECONDS = 10**11  # seconds since 1970 are fewer for another 3,000 years
_DAY_S = 86_400


def identity(
    claims: Mapping[str, Any], settings: Settings, now_ms: int, *, scoped: bool
) -> Identity:
    """Return whose token it is.

    Args:
        scoped: Whether `iss` and `aud` must be there, if the settings name an issuer and
            audiences. Those that are there must match in any case.

    Raises:
        Unauthorized: A claim is missing, has no proper value, or forbids the use of the token.
    """
    _check_issuer(claims, settings.jwt_issuer, required=scoped)
    _check_audience(claims, settings.jwt_audiences, required=scoped)
    expires_at_s = _check_times(claims, now_ms / 1000, settings.jwt_max_validity_s)
    return Identity(
        _user(claims, settings.jwt_user_claim),
        expires_at_s,
        _roles(claims, settings.jwt_roles_claim),
    )


def _check_issuer(claims: Mapping[str, Any], issuer: str, *, required: bool) -> None:
    named = claims.get("iss")
    if not issuer or (named is None and not required):
        return
    if named is None:
        raise _missing("iss")
    if named != issuer:
        raise Unauthorized(
            "the token's `iss` is not this deployment's issuer; they must be equal, also in "
            "the slash at the end",
            TokenFault.WRONG_ISSUER,
        )


def _check_audience(
    claims: Mapping[str, Any], audiences: tuple[str, ...], *, required: bool
) -> None:
    """A token for others is refused, also if no audience is set (RFC 7519, section 4.1.3)."""
    claim, named = "aud", claims.get("aud")
    if named is None and audiences and claims.get("token_use") == "access":
        # Access tokens of Amazon Cognito name the app client that they were issued to.
        # https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
        claim, named = "client_id", claims.get("client_id")
    if named is None:
        if audiences and required:
            raise _missing(claim)
        return
    several = named if isinstance(named, list) else [named]
    if not all(isinstance(each, str) for each in several):
        raise _bad(claim, "a text or a list of texts")
    if not audiences:
        raise Unauthorized(
            "the token has an `aud`, but this deployment accepts no audience: set "
            "TIDINGS_JWT_AUDIENCE or leave `aud` out",
            TokenFault.WRONG_AUDIENCE,
        )
    if not set(several) & set(audiences):
        raise Unauthorized(
            f"the token's `{claim}` is not for this deployment", TokenFault.WRONG_AUDIENCE
        )


def _check_times(claims: Mapping[str, Any], now_s: float, most_s: int) -> int:
    """Return when the token ends, in seconds since the epoch."""
    end_s, begin_s, issued_s = (_seconds(claims, name) for name in ("exp", "nbf", "iat"))
    if end_s is None:
        raise _missing("exp")
    if end_s <= now_s - LEEWAY_S:
        raise Unauthorized("the token has expired, get a new one", TokenFault.EXPIRED)
    if end_s > now_s + most_s + LEEWAY_S:
        hint = "; it must be in seconds, not milliseconds" if end_s >= _MILLISECONDS else ""
        raise Unauthorized(
            f"the token's `exp` is more than {_duration(most_s)} ahead{hint}", TokenFault.TOO_LONG
        )
    for name, at_s in (("nbf", begin_s), ("iat", issued_s)):
        if at_s is not None and at_s > now_s + LEEWAY_S:
            raise Unauthorized(
                f"the token is not valid yet: its `{name}` is in the future; check the clock of "
                "its issuer, and that it is in seconds",
                TokenFault.NOT_YET_VALID,
            )
    # What is accepted shall also work on a connection, which ends soon after its token does.
    return int(end_s) + (LEEWAY_S if end_s <= now_s else 0)


def _duration(seconds: int) -> str:
    days, rest_s = divmod(seconds, _DAY_S)
    if rest_s:
        return f"{seconds} seconds"
    return "1 day" if days == 1 else f"{days} days"


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise _bad(name, "a number of seconds since 1970")
    return value


def _user(claims: Mapping[str, Any], claim: str) -> UserId:
    value = claims.get(claim)
    if value is None:
        raise _missing(claim)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unauthorized(
            f"the token's `{claim}` is not a user id: it must be a text or a whole number",
            TokenFault.USER_ID,
        )
    user = str(value)
    if not names.is_user(user):
        raise Unauthorized(
            f"the token's `{claim}` is not a user id: 1 to 128 letters, digits and "
            "_ : . @ | + = ~ -, the first of them no dot, and no reserved name",
            TokenFault.USER_ID,
        )
    return UserId(user)


def _roles(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    roles = claims.get(claim)
    if roles is None:
        return ()
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise _bad(claim, "a list of texts")
    return tuple(roles)


def _missing(claim: str) -> Unauthorized:
    return Unauthorized(f"the token has no `{claim}`", TokenFault.MISSING_CLAIM)


def _bad(claim: str, wanted: str) -> Unauthorized:
    return Unauthorized(f"the token's `{claim}` is not {wanted}", TokenFault.BAD_CLAIM)
