"""HS256 while its secret is rotated, absent, or out of reach; RS256 and ES256 of an issuer."""

from __future__ import annotations

import base64
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chalicelib.access.tokens import Tokens
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.kernel.errors import Unauthorized, Unavailable
from chalicelib.kernel.settings import Settings
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


KEYS: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


class _Keys(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        public = [
            {**json.loads(of.to_jwk(KEYS[name].public_key())), "kid": name, "alg": name}
            for name, of in (("ES256", ECAlgorithm), ("RS256", RSAAlgorithm))
        ]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": public}).encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def issued() -> Iterator[Tokens]:
    """Tokens of an issuer whose keys are at an address, beside those of the secret."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Keys)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/keys"
    settings = Settings(jwks_url=url, jwt_issuer="us", jwt_audience="tidings")
    yield Tokens(settings, FixedSecrets({"jwt_secret": NEW}))
    server.shutdown()
    server.server_close()


def signed(algorithm: str, kid: str | None = None, **more: Any) -> str:
    claims = {"sub": "ann", "exp": int(time.time()) + 60, "iss": "us", "aud": "tidings", **more}
    claims = {name: value for name, value in claims.items() if value is not None}
    headers = {"kid": kid or algorithm}
    return jwt.encode(claims, KEYS[algorithm], algorithm=algorithm, headers=headers)


@pytest.mark.parametrize("algorithm", KEYS)
def test_tokens_of_the_issuer_are_taken(issued: Tokens, algorithm: str) -> None:
    assert issued.verify(signed(algorithm, roles=["service"])).roles == ("service",)
    assert issued.verify(token(NEW)).user_id == "ann"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "others"},
        {"aud": None},
        {"iss": "them"},
        {"iss": None},
        {"exp": None},
        {"exp": 1},
        {"sub": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("algorithm", KEYS)
def test_those_for_others_or_without_an_end_are_not(
    issued: Tokens, algorithm: str, claims: dict[str, Any]
) -> None:
    with pytest.raises(Unauthorized):
        issued.verify(signed(algorithm, **claims))


def test_a_key_is_for_its_own_algorithm(issued: Tokens) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    claims = {"sub": "ann", "exp": int(time.time()) + 60, "iss": "us", "aud": "tidings"}
    forged = jwt.encode(claims, other, algorithm="ES256", headers={"kid": "ES256"})
    for bad in (signed("ES256", "RS256"), signed("RS256", "ES256"), signed("ES256", "x"), forged):
        with pytest.raises(Unauthorized, match="not valid"):
            issued.verify(bad)


def test_the_public_key_is_no_secret(issued: Tokens) -> None:
    """RFC 8725, section 2.1: HS256 with a public key, which the library would not make."""
    head, body, _ = signed("RS256").split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"RS256"}').decode().rstrip("=")
    text = RSAAlgorithm.to_jwk(KEYS["RS256"].public_key())
    mac = hmac.digest(text.encode(), f"{head}.{body}".encode(), "sha256")
    forged = f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    with pytest.raises(Unauthorized, match="not valid"):
        issued.verify(forged)
