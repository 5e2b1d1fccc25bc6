"""Sign tokens as an issuer does, with a deployment's secret."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
import jwt
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kernel.settings import Settings

_BOUNDED = Config(connect_timeout=3, read_timeout=10, retries={"max_attempts": 2})


class NoSecret(Exception):
    """No secret could be read; the text is for the user."""


def scope(environment: Mapping[str, str] = os.environ) -> Settings:
    """What the variables `TIDINGS_JWT_…` of a deployment say that tokens must have.

    Raises:
        ValueError: One of them has an invalid value.
    """
    return Settings.from_env(
        {name: each for name, each in environment.items() if name.startswith("TIDINGS_JWT_")}
    )


def sign(
    secret: str,
    user: str,
    expires_in_s: int,
    roles: Sequence[str],
    settings: Settings | None = None,
) -> str:
    """Sign a token for a user, as any issuer does that knows the secret.

    Args:
        settings: Those of the deployment, where they say what a token must have.
    """
    wanted = settings or Settings()
    now = int(time.time())
    claims: dict[str, Any] = {
        "sub": user,
        wanted.jwt_user_claim: user,
        "iat": now,
        "exp": now + expires_in_s,
        wanted.jwt_roles_claim: list(roles),
    }
    if wanted.jwt_issuer:
        claims["iss"] = wanted.jwt_issuer
    if wanted.jwt_audiences:
        claims["aud"] = wanted.jwt_audiences[0]
    return jwt.encode(claims, secret, algorithm="HS256")


def read_secret(secret_id: str, region: str | None) -> str:
    """Read a deployment's `jwt_secret`, with this environment's AWS credentials.

    Raises:
        NoSecret: The secret cannot be read or has no `jwt_secret`.
    """
    try:
        secrets = boto3.client("secretsmanager", region_name=region, config=_BOUNDED)
        value = secrets.get_secret_value(SecretId=secret_id).get("SecretString")
    except (BotoCoreError, ClientError) as fault:
        raise NoSecret(f"the secret {secret_id} could not be read: {fault}") from fault
    return jwt_secret(value, secret_id)


def jwt_secret(value: str | None, secret_id: str) -> str:
    """Return the `jwt_secret` in a secret's value.

    Raises:
        NoSecret: The value has none.
    """
    try:
        secret = json.loads(value or "{}")["jwt_secret"]
    except (ValueError, KeyError, TypeError) as fault:
        raise NoSecret(f"the secret {secret_id} is not a JSON object with jwt_secret") from fault
    if not isinstance(secret, str) or not secret:
        raise NoSecret(f"the secret {secret_id} has an empty jwt_secret")
    return secret
