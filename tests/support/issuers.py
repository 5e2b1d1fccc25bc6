"""Token issuers: their keys, tokens as Cognito, Auth0 and Firebase sign them, a server on loopback.

The shapes are those of the providers' documents:
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
https://firebase.google.com/docs/auth/admin/verify-id-tokens
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


@functools.cache
def private_key(kid: str, algorithm: str) -> Any:
    """The key of this name. Made once: an RSA key takes a while."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class FakeIssuer:
    """Signs tokens, and says which keys it publishes.

    Attributes:
        keys: The algorithm of each published key, by `kid`.
    """

    def __init__(self, **keys: str) -> None:
        self.keys = keys or {"es": "ES256", "rs": "RS256"}

    def key_set(self) -> str:
        return json.dumps({"keys": [public(kid, alg) for kid, alg in self.keys.items()]})

    def sign(self, claims: dict[str, Any], kid: str | None = "es", algorithm: str = "") -> str:
        """Sign with the key of this name, which need not be published."""
        algorithm = algorithm or self.keys[str(kid)]
        headers = {"kid": kid} if kid is not None else None
        key = private_key(kid or "es", algorithm)
        return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def public(kid: str, algorithm: str) -> dict[str, Any]:
    """A published key, as RFC 7517 has it."""
    of = ECAlgorithm if algorithm == "ES256" else RSAAlgorithm
    known = json.loads(of.to_jwk(private_key(kid, algorithm).public_key()))
    return {**known, "kid": kid, "alg": algorithm, "use": "sig"}


def cognito_access(issuer: str, client_id: str, now_s: int) -> dict[str, Any]:
    """The claims of an access token of Amazon Cognito: no `aud`."""
    return {
        "sub": "8c1f5f3e-6a5c-4f0c-9a55-1d3c6f1f7b5e",
        "cognito:groups": ["service"],
        "iss": issuer,
        "client_id": client_id,
        "origin_jti": "9f2c0a4e-0000-4000-8000-000000000000",
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin",
        "auth_time": now_s,
        "exp": now_s + 3600,
        "iat": now_s,
        "jti": "6f1e2b7a-0000-4000-8000-000000000000",
        "username": "ann",
    }


def auth0_access(issuer: str, audience: str, now_s: int) -> dict[str, Any]:
    """The claims of an access token of Auth0: two audiences, and a claim of an Action's own."""
    return {
        "iss": issuer,
        "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "aud": [audience, f"{issuer}userinfo"],
        "iat": now_s,
        "exp": now_s + 86_400,
        "azp": "my_client_id",
        "scope": "openid profile",
        "https://chat.example.com/roles": ["service"],
    }


def firebase_id(project: str, now_s: int) -> dict[str, Any]:
    """The claims of an ID token of Firebase Authentication."""
    return {
        "iss": f"https://securetoken.google.com/{project}",
        "aud": project,
        "auth_time": now_s,
        "user_id": "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5",
        "sub": "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5",
        "iat": now_s,
        "exp": now_s + 3600,
        "firebase": {"identities": {}, "sign_in_provider": "password"},
        "roles": ["service"],
    }


Respond = Callable[[BaseHTTPRequestHandler], None]


class KeyServer:
    """Publishes a key set on loopback.

    Attributes:
        asked: The headers of each request.
    """

    def __init__(self, port: int, asked: list[dict[str, str]]) -> None:
        self.url = f"http://127.0.0.1:{port}/.well-known/jwks.json"
        self.asked = asked


@contextmanager
def serving(respond: Respond) -> Iterator[KeyServer]:
    """A server that answers each GET by `respond`."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append({name.lower(): value for name, value in self.headers.items()})
            self.close_connection = True
            respond(self)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield KeyServer(server.server_port, asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(
    text: Callable[[], str], status: int = 200, headers: dict[str, str] | None = None
) -> Respond:
    """Answer with this text."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        body = text().encode()
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return respond
