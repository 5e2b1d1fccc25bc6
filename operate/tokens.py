"""Tokens as an issuer makes them, and the secret of a deployment that signs them."""

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
    """There is no secret that can be read; the text is for the user."""


def sign(secret: str, user: str, expires_in_s: int, roles: Sequence[str]) -> str:
    """A user's token, as any issuer that knows the secret makes it."""
    now = int(time.time())
    claims = {"sub": user, "iat": now, "exp": now + expires_in_s, "roles": list(roles)}
    return jwt.encode(claims, secret, algorithm="HS256")


def read_secret(secret_id: str, region: str | None) -> str:
    """The `jwt_secret` of a deployment, read as the AWS user of this environment.

    Raises:
        NoSecret: As it says.
    """
    try:
        secrets = boto3.client("secretsmanager", region_name=region, config=_BOUNDED)
        value = secrets.get_secret_value(SecretId=secret_id).get("SecretString")
    except (BotoCoreError, ClientError) as fault:
        raise NoSecret(f"reading the secret {secret_id}: {fault}") from fault
    return jwt_secret(value, secret_id)


def jwt_secret(value: str | None, secret_id: str) -> str:
    """The `jwt_secret` in the value of a secret.

    Raises:
        NoSecret: It has none.
    """
    try:
        secret = json.loads(value or "{}")["jwt_secret"]
    except (ValueError, KeyError, TypeError) as fault:
        raise NoSecret(f"the secret {secret_id} is no JSON object with jwt_secret") from fault
    if not isinstance(secret, str) or not secret:
        raise NoSecret(f"the secret {secret_id} has an empty jwt_secret")
    return secret
