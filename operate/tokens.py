"""Sign tokens as an issuer does, with a deployment's secret."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import boto3
import jwt
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_BOUNDED = Config(connect_timeout=3, read_timeout=10, retries={"max_attempts": 2})


class NoSecret(Exception):
    """No secret could be read; the text is for the user."""


def sign(secret: str, user: str, expires_in_s: int, roles: Sequence[str]) -> str:
    """Sign a token for a user, as any issuer does that knows the secret."""
    now = int(time.time())
    claims = {"sub": user, "iat": now, "exp": now + expires_in_s, "roles": list(roles)}
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
