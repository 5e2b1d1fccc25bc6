"""What a token must say, after its signature holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.access.claims import LEEWAY_S, identity
from chalicelib.kernel.errors import TokenFault, Unauthorized
from chalicelib.kernel.settings import Settings
from chalicelib.model.access import Identity
from tests.support.issuers import auth0_access, cognito_access, firebase_id
from tests.support.world import START_MS

NOW_S = START_MS // 1000
SCOPED = Settings(jwt_issuer="https://login.example.com/", jwt_audiences=("tidings", "mobile"))


def said(settings: Settings | None = None, *, scoped: bool = True, **claims: Any) -> Identity:
    """Whose token this is. Claims of None are left out."""
    known = {"sub": "ann", "exp": NOW_S + 3600, **claims}
    known = {name: value for name, value in known.items() if value is not None}
    parsed = json.loads(json.dumps(known))  # as they come
    return identity(parsed, settings or Settings(), START_MS, scoped=scoped)


def refused(fault: TokenFault, words: str, settings: Settings | None = None, **claims: Any) -> None:
    with pytest.raises(Unauthorized, match=words) as raised:
        said(settings, **claims)
    assert raised.value.reason is fault


def test_all_of_a_token() -> None:
    assert said(roles=["service"]) == Identity("ann", NOW_S + 3600, ("service",))


def test_the_clocks_of_issuer_and_service_may_differ_by_a_minute() -> None:
    for claim in ("nbf", "iat"):
        assert said(**{claim: NOW_S + LEEWAY_S})
        refused(
            TokenFault.NOT_YET_VALID,
            f"not valid yet: its `{claim}` is in the future",
            **{claim: NOW_S + LEEWAY_S + 1},
        )
    assert said(exp=NOW_S - LEEWAY_S + 1)
    refused(TokenFault.EXPIRED, "has expired, get a new one", exp=NOW_S - LEEWAY_S)


def test_a_connection_of_a_token_that_has_just_expired_ends_with_the_leeway() -> None:
    assert said(exp=NOW_S + 1).expires_at_s == NOW_S + 1
    assert said(exp=NOW_S - 10).expires_at_s == NOW_S - 10 + LEEWAY_S


@pytest.mark.parametrize("exp", [(NOW_S + 3600) * 1000, 1e300, float("inf"), 10**40])
def test_an_end_in_milliseconds_is_refused_in_words(exp: float) -> None:
    refused(TokenFault.TOO_LONG, "400 days ahead; it must be in seconds, not milli", exp=exp)


def test_an_end_beyond_the_setting_is_refused() -> None:
    assert said(exp=NOW_S + 400 * 86_400 + LEEWAY_S)
    refused(TokenFault.TOO_LONG, "more than 400 days ahead$", exp=NOW_S + 401 * 86_400)
    for most_s, words in (
        (3600, "3600 seconds"),
        (86_400, "1 day"),
        (90_000, "90000 seconds"),
        (172_800, "2 days"),
    ):
        short = Settings(jwt_max_validity_s=most_s)
        assert said(short, exp=NOW_S + most_s + LEEWAY_S)
        end_s = NOW_S + most_s + LEEWAY_S + 1
        refused(TokenFault.TOO_LONG, f"more than {words} ahead$", short, exp=end_s)


def test_a_time_may_have_a_fraction() -> None:
    assert said(exp=NOW_S + 60.5, iat=NOW_S + 0.5, nbf=NOW_S - 0.5).expires_at_s == NOW_S + 60


@pytest.mark.parametrize("value", ["soon", str(NOW_S + 60), True, [], {}, float("nan")])
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_a_time_that_is_no_number(claim: str, value: Any) -> None:
    refused(TokenFault.BAD_CLAIM, f"`{claim}` is not a number of seconds", **{claim: value})


def test_a_token_without_an_end_or_a_user() -> None:
    refused(TokenFault.MISSING_CLAIM, "has no `exp`", exp=None)
    refused(TokenFault.MISSING_CLAIM, "has no `sub`", sub=None)
    refused(TokenFault.MISSING_CLAIM, "has no `uid`", Settings(jwt_user_claim="uid"))


@pytest.mark.parametrize(
    ("value", "user"),
    [("ann", "ann"), (7, "7"), (0, "0"), (-3, "-3"), (2**63, str(2**63)), ("auth0|5f", "auth0|5f")],
)
def test_whatever_can_be_an_id(value: Any, user: str) -> None:
    assert said(sub=value).user_id == user
    named = Settings(jwt_user_claim="https://example.com/id")
    assert said(named, sub=None, **{"https://example.com/id": value}).user_id == user


@pytest.mark.parametrize("value", [True, False, 1.0, 1.5, {}, {"id": 1}, ["ann"]])
def test_what_cannot_be_an_id(value: Any) -> None:
    refused(TokenFault.USER_ID, "it must be a text or a whole number", sub=value)


@pytest.mark.parametrize("value", ["", ".ann", "an n", "a" * 129, "ann\n", "ä", 10**128])
def test_texts_that_are_no_user_id(value: Any) -> None:
    refused(TokenFault.USER_ID, "1 to 128 letters, digits and", sub=value)


def test_roles() -> None:
    assert said(roles=None).roles == ()
    assert identity({"sub": "ann", "exp": NOW_S, "roles": None}, Settings(), START_MS, scoped=True)
    groups = Settings(jwt_roles_claim="cognito:groups")
    assert said(groups, roles=["admin"], **{"cognito:groups": ["service"]}).roles == ("service",)
    for value in ("admin", [1], {}, 0):
        refused(TokenFault.BAD_CLAIM, "`roles` is not a list of texts", roles=value)


def test_the_issuer() -> None:
    good = {"iss": SCOPED.jwt_issuer, "aud": "tidings"}
    assert said(SCOPED, **good)
    for iss in ("https://login.example.com", "https://evil.example.com/", ["x"], 7):
        refused(TokenFault.WRONG_ISSUER, "`iss` is not this", SCOPED, **{**good, "iss": iss})
    refused(TokenFault.MISSING_CLAIM, "has no `iss`", SCOPED, aud="tidings")
    assert said(iss="anybody"), "without the setting it means nothing"


def test_the_audience() -> None:
    iss = SCOPED.jwt_issuer
    for aud in ("tidings", "mobile", ["others", "tidings"]):
        assert said(SCOPED, iss=iss, aud=aud)
    for aud in ("others", ["others"], "tid", "tidings "):
        refused(TokenFault.WRONG_AUDIENCE, "`aud` is not for this", SCOPED, iss=iss, aud=aud)
    refused(TokenFault.MISSING_CLAIM, "has no `aud`", SCOPED, iss=iss, aud=None)
    for aud in ("", []):
        refused(TokenFault.WRONG_AUDIENCE, "`aud` is not for this", SCOPED, iss=iss, aud=aud)
    for aud in (0, 7, False, {}, {"tidings": 1}, ["tidings", 7]):
        refused(TokenFault.BAD_CLAIM, "`aud` is not a text or", SCOPED, iss=iss, aud=aud)


def test_a_token_for_others_is_refused_where_no_audience_is_set() -> None:
    words = "accepts no audience: set TIDINGS_JWT_AUDIENCE or leave `aud` out"
    for aud in ("others", "", []):
        refused(TokenFault.WRONG_AUDIENCE, words, aud=aud)
    refused(TokenFault.BAD_CLAIM, "`aud` is not a text or", aud=0)
    assert said(token_use="access", client_id="others"), "no `aud`"


def test_access_tokens_of_cognito_name_their_client() -> None:
    iss = SCOPED.jwt_issuer
    assert said(SCOPED, iss=iss, token_use="access", client_id="mobile")
    refused(
        TokenFault.WRONG_AUDIENCE,
        "`client_id` is not for",
        SCOPED,
        iss=iss,
        token_use="access",
        client_id="others",
    )
    for aud in ("", []):
        refused(
            TokenFault.WRONG_AUDIENCE,
            "`aud` is not for",
            SCOPED,
            iss=iss,
            aud=aud,
            token_use="access",
            client_id="mobile",
        )
    refused(TokenFault.MISSING_CLAIM, "has no `client_id`", SCOPED, iss=iss, token_use="access")
    refused(TokenFault.MISSING_CLAIM, "has no `aud`", SCOPED, iss=iss, client_id="mobile")
    refused(
        TokenFault.WRONG_AUDIENCE,
        "`aud` is not for",
        SCOPED,
        iss=iss,
        aud="others",
        token_use="access",
        client_id="mobile",
    )


def test_without_scope_what_is_there_must_match() -> None:
    assert said(SCOPED, scoped=False)
    for claims in ({"iss": "https://evil.example.com/"}, {"aud": "others"}):
        with pytest.raises(Unauthorized):
            said(SCOPED, scoped=False, **claims)


def test_tokens_of_cognito_auth0_and_firebase() -> None:
    pool = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34E"
    cognito = Settings(jwt_issuer=pool, jwt_audiences=("2a1b3c",), jwt_roles_claim="cognito:groups")
    assert said(cognito, **cognito_access(pool, "2a1b3c", NOW_S)).roles == ("service",)
    tenant, api = "https://example.eu.auth0.com/", "https://chat.example.com"
    auth0 = Settings(
        jwt_issuer=tenant,
        jwt_audiences=(api,),
        jwt_roles_claim="https://chat.example.com/roles",
    )
    found = said(auth0, **auth0_access(tenant, api, NOW_S))
    assert (found.user_id, found.roles) == ("auth0|5f7c8ec7c33c6c004bbafe82", ("service",))
    firebase = Settings(
        jwt_issuer="https://securetoken.google.com/chat",
        jwt_audiences=("chat",),
        jwt_user_claim="user_id",
    )
    assert said(firebase, **firebase_id("chat", NOW_S)).user_id == "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5"
