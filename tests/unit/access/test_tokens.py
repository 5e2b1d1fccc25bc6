"""HS256 while its secret is rotated, absent, or out of reach; RS256 and ES256 of an issuer.

Claims are in `test_claims.py`, the issuer's keys in `test_issuer_keys.py`.
"""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import jwt
import pytest
from jwt.algorithms import RSAAlgorithm

from chalicelib.access.tokens import MAX_TOKEN_BYTES, Tokens
from chalicelib.adapters.memory import MemoryIssuer
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.kernel.errors import TokenFault, Unauthorized, Unavailable
from chalicelib.kernel.settings import Settings
from chalicelib.ports.access import Secrets
from tests.support.issuers import FakeIssuer, private_key
from tests.support.world import START_MS, FakeClock, World

OLD, NEW, OTHER = ("-".join([name] * 16) for name in ("old", "new", "other"))
ISSUED = Settings(jwks_url="https://us/keys", jwt_issuer="us", jwt_audiences=("tidings",))
US = {"iss": "us", "aud": "tidings"}


class Away:
    """Secrets that cannot be read."""

    def get(self, name: str) -> str:
        raise Unavailable("the secrets cannot be read, try again")


def claims(**more: Any) -> dict[str, Any]:
    known = {"sub": "ann", "exp": START_MS // 1000 + 60, **more}
    return {name: value for name, value in known.items() if value is not None}


def token(secret: str, **more: Any) -> str:
    return jwt.encode(claims(**more), secret, algorithm="HS256")


def made(secrets: Secrets | None = None, settings: Settings | None = None) -> Tokens:
    secrets = secrets or FixedSecrets({"jwt_secret": NEW})
    issuer = MemoryIssuer(FakeIssuer().key_set())
    return Tokens(settings or Settings(), secrets, issuer, FakeClock())


def why(tokens: Tokens, text: str) -> TokenFault | None:
    """Why a token is refused."""
    with pytest.raises(Unauthorized) as raised:
        tokens.verify(text)
    return raised.value.reason


def test_a_rotation_logs_nobody_out() -> None:
    secrets = FixedSecrets({"jwt_secret": OLD})
    tokens = made(secrets)
    assert tokens.verify(token(OLD)).user_id == "ann"
    secrets.values = {"jwt_secret": NEW, "jwt_secret_previous": OLD}
    assert tokens.verify(token(OLD)).user_id == "ann"
    assert tokens.verify(token(NEW)).user_id == "ann"
    secrets.values = {"jwt_secret": NEW}
    assert why(tokens, token(OLD)) is TokenFault.SIGNATURE


def test_a_stranger_s_signature_is_refused_whatever_is_rotated() -> None:
    tokens = made(FixedSecrets({"jwt_secret": NEW, "jwt_secret_previous": OLD}))
    assert why(tokens, token(OTHER)) is TokenFault.SIGNATURE


def test_an_expired_token_of_the_previous_secret_has_expired() -> None:
    tokens = made(FixedSecrets({"jwt_secret": NEW, "jwt_secret_previous": OLD}))
    assert why(tokens, token(OLD, exp=1)) is TokenFault.EXPIRED


def test_without_a_secret_hs256_is_refused() -> None:
    for values in ({}, {"jwt_secret": ""}, {"redis_password": OTHER}):
        assert why(made(FixedSecrets(values)), token(OTHER)) is TokenFault.ALGORITHM


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512", "RS256", "ES256", "RS512"])
def test_other_algorithms_never_ask_for_the_secret(algorithm: str) -> None:
    if algorithm == "none":
        text = jwt.encode(claims(), None, algorithm="none")
    elif algorithm.startswith("HS"):
        text = jwt.encode(claims(), NEW * 2, algorithm=algorithm)
    else:
        key = private_key(algorithm[:2].lower(), algorithm)
        text = jwt.encode(claims(), key, algorithm=algorithm)
    assert why(made(Away()), text) is TokenFault.ALGORITHM


def test_secrets_out_of_reach_are_no_fault_of_the_client_s() -> None:
    with pytest.raises(Unavailable):
        made(Away()).verify(token(OLD))


def test_the_world_s_secret_is_the_port_s() -> None:
    world = World()
    assert world.services.tokens.verify(world.token("ann")).user_id == "ann"


def test_keys_out_of_reach_log_nobody_out() -> None:
    tokens = Tokens(ISSUED, FixedSecrets({}), MemoryIssuer(None), FakeClock())
    with pytest.raises(Unavailable) as raised:
        tokens.verify(FakeIssuer().sign(claims(**US)))
    assert raised.value.retryable


@pytest.mark.parametrize("kid", ["es", "rs"])
def test_tokens_of_the_issuer_are_taken(kid: str) -> None:
    issued = made(settings=ISSUED)
    signed = FakeIssuer().sign(claims(**US, roles=["service"]), kid)
    assert issued.verify(signed).roles == ("service",)


@pytest.mark.parametrize(
    "more",
    [{"aud": "others"}, {"aud": None}, {"iss": "them"}, {"iss": None}, {"exp": 1}, {"sub": None}],
    ids=str,
)
@pytest.mark.parametrize("kid", ["es", "rs", "secret"])
def test_what_is_for_others_is_refused_whoever_signed(kid: str, more: dict[str, Any]) -> None:
    """Also what is signed with the secret, which others may have, too."""
    issued = made(settings=ISSUED)
    known = claims(**{**US, **more})
    bad = token(NEW, **{**US, **more}) if kid == "secret" else FakeIssuer().sign(known, kid)
    assert why(issued, bad) is not None
    assert issued.verify(token(NEW, **US)).user_id == "ann"


def test_a_setting_lets_tokens_of_the_secret_lack_issuer_and_audience() -> None:
    unscoped = Settings(
        jwks_url="https://us/keys",
        jwt_issuer="us",
        jwt_audiences=("tidings",),
        jwt_secret_unscoped=True,
    )
    tokens = made(settings=unscoped)
    assert tokens.verify(token(NEW)).user_id == "ann"
    assert tokens.verify(token(NEW, **US)).user_id == "ann"
    assert why(tokens, token(NEW, aud="others")) is TokenFault.WRONG_AUDIENCE
    assert why(tokens, token(NEW, iss="them")) is TokenFault.WRONG_ISSUER
    assert why(tokens, FakeIssuer().sign(claims())) is TokenFault.MISSING_CLAIM


def test_a_key_is_for_its_own_algorithm() -> None:
    swapped = FakeIssuer(es="RS256", rs="ES256")
    for bad in (
        swapped.sign(claims(**US), "es"),
        swapped.sign(claims(**US), "rs"),
        FakeIssuer().sign(claims(**US), "x", "ES256"),
    ):
        assert why(made(settings=ISSUED), bad) is TokenFault.UNKNOWN_KEY
    issued = made(settings=ISSUED)
    of_another = jwt.encode(
        claims(**US), private_key("x", "ES256"), algorithm="ES256", headers={"kid": "es"}
    )
    assert why(issued, of_another) is TokenFault.SIGNATURE


def test_the_public_key_is_no_secret() -> None:
    """RFC 8725, section 2.1: HS256 with a public key, which the library would not make."""
    _, body, _ = FakeIssuer().sign(claims(**US), "rs").split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"rs"}').decode().rstrip("=")
    text = RSAAlgorithm.to_jwk(private_key("rs", "RS256").public_key())
    mac = hmac.digest(text.encode(), f"{head}.{body}".encode(), "sha256")
    forged = f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    assert why(made(settings=ISSUED), forged) is TokenFault.SIGNATURE


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


MALFORMED = {
    "nonsense": "x.y.z",
    "one part": "abc",
    "two parts": f"{part({'alg': 'HS256'})}.{part({})}",
    "an opaque token": "v2.local.AAAA" + "b" * 40,
    "five parts (JWE)": ".".join([part({"alg": "RSA-OAEP", "enc": "A256GCM"}), *"bcde"]),
    "too long": "a" * (MAX_TOKEN_BYTES + 1),
    "not ASCII": "ä.b.c",
    "a lone surrogate": "\ud800.b.c",
    "a list as header": f"{part([])}.{part({})}.",
    "a number as kid": f"{part({'alg': 'ES256', 'kid': 7})}.{part({})}.{part(b'x')}",
    "deep": f"{part(b'[' * 5000)}.{part({})}.",
    "detached": f"{part({'alg': 'HS256', 'b64': False, 'crit': ['b64']})}..{part(b'x')}",
    "critical extensions": f"{part({'alg': 'HS256', 'crit': ['x'], 'x': 1})}.{part({})}.AA",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_token(text: str) -> None:
    assert why(made(settings=ISSUED), text) is TokenFault.MALFORMED


def test_no_token_at_all() -> None:
    assert why(made(), "") is TokenFault.MISSING


@pytest.mark.parametrize(
    "body", [b"[]", b'"text"', b"{", b"\xff", b"[" * 5000, b'{"sub":' + b"1" * 4400]
)
def test_a_signed_body_that_is_no_object_of_claims(body: bytes) -> None:
    signed = f"{part({'alg': 'HS256'})}.{part(body)}"
    mac = hmac.digest(NEW.encode(), signed.encode(), "sha256")
    assert why(made(), f"{signed}.{part(mac)}") is TokenFault.MALFORMED


@pytest.mark.parametrize("kid", ["es", "rs", "secret"])
def test_who_cannot_sign_learns_nothing_of_the_claims(kid: str) -> None:
    """The answer to a forged token is the same, whatever it says."""
    issued = made(settings=ISSUED)
    answers = set()
    for more in ({}, US, {"iss": "them", "aud": "x"}, {"exp": 1}, {"exp": 10**13}, {"sub": [1]}):
        known = claims(**more)
        if kid == "secret":
            forged = jwt.encode(known, OTHER, algorithm="HS256")
        else:
            algorithm = FakeIssuer().keys[kid]
            key = private_key("forged", algorithm)
            forged = jwt.encode(known, key, algorithm=algorithm, headers={"kid": kid})
        with pytest.raises(Unauthorized) as raised:
            issued.verify(forged)
        answers.add((str(raised.value), raised.value.reason))
    assert answers == {("the token's signature is not valid", TokenFault.SIGNATURE)}
