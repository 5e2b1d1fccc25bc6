"""HS256 while its secret is rotated, absent, or out of reach."""

from __future__ import annotations

import socket
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.errors import Unauthorized, Unavailable
from chalicelib.settings import Settings
from chalicelib.tokens import Tokens
from tests.support.world import World

OLD, NEW, OTHER = ("-".join([name] * 16) for name in ("old", "new", "other"))


class Away:
    """Secrets that cannot be read."""

    def get(self, name: str) -> str:
        raise Unavailable("the secrets cannot be read, try again")


def token(secret: str, in_s: int = 60) -> str:
    return jwt.encode({"sub": "ann", "exp": int(time.time()) + in_s}, secret, algorithm="HS256")


def test_a_rotation_logs_nobody_out() -> None:
    secrets = FixedSecrets({"jwt_secret": OLD})
    tokens = Tokens(Settings(), secrets)
    assert tokens.verify(token(OLD)).user_id == "ann"
    secrets.values = {"jwt_secret": NEW, "jwt_secret_previous": OLD}
    assert tokens.verify(token(OLD)).user_id == "ann"
    assert tokens.verify(token(NEW)).user_id == "ann"
    secrets.values = {"jwt_secret": NEW}
    with pytest.raises(Unauthorized, match="not valid"):
        tokens.verify(token(OLD))


def test_a_stranger_s_signature_is_refused_whatever_is_rotated() -> None:
    tokens = Tokens(Settings(), FixedSecrets({"jwt_secret": NEW, "jwt_secret_previous": OLD}))
    with pytest.raises(Unauthorized, match="not valid"):
        tokens.verify(token(OTHER))


def test_an_expired_token_of_the_previous_secret_has_expired() -> None:
    tokens = Tokens(Settings(), FixedSecrets({"jwt_secret": NEW, "jwt_secret_previous": OLD}))
    with pytest.raises(Unauthorized, match="has expired"):
        tokens.verify(token(OLD, in_s=-60))


def test_without_a_secret_hs256_is_refused() -> None:
    for values in ({}, {"jwt_secret": ""}, {"redis_password": OTHER}):
        with pytest.raises(Unauthorized, match="not valid"):
            Tokens(Settings(), FixedSecrets(values)).verify(token(OTHER))


def test_other_algorithms_never_ask_for_the_secret() -> None:
    unsigned = jwt.encode({"sub": "ann"}, None, algorithm="none")
    with pytest.raises(Unauthorized, match="not valid"):
        Tokens(Settings(), Away()).verify(unsigned)


def test_secrets_out_of_reach_are_no_fault_of_the_client_s() -> None:
    with pytest.raises(Unavailable):
        Tokens(Settings(), Away()).verify(token(OLD))


def test_the_world_s_secret_is_the_port_s() -> None:
    world = World()
    assert world.services.tokens.verify(world.token("ann")).user_id == "ann"


def test_keys_out_of_reach_log_nobody_out() -> None:
    """The issuer's, at a port where nothing listens."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}/keys"
        settings = Settings(jwks_url=url, jwt_issuer="us", jwt_audience="tidings")
        tokens = Tokens(settings, FixedSecrets({}))
        key = ec.generate_private_key(ec.SECP256R1())
        claims = {"sub": "ann", "exp": int(time.time()) + 60, "iss": "us", "aud": "tidings"}
        signed = jwt.encode(claims, key, algorithm="ES256", headers={"kid": "one"})
        with pytest.raises(Unavailable) as raised:
            tokens.verify(signed)
    assert raised.value.retryable
