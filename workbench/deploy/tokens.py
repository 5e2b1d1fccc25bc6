"""Tokens of deployed functions, signed with their secret.

`POST /dev/token` gives anybody's, for emulators on this machine only: who serves it makes sure of
that. `read_secret` is for who may read the secret of a deployment anyway.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from workbench.gateway.wire import Reply
from workbench.stack.clients import client
from workbench.stack.tokens import DevTokens


class NoSecret(Exception):
    """There is no secret that can be read; the text is for the user."""


def read_secret(secret_id: str, region: str | None) -> str:
    """The `jwt_secret` of a deployment, read as the AWS user of this environment.

    Raises:
        NoSecret: As it says.
    """
    try:
        secrets = boto3.client("secretsmanager", region_name=region)
        value = secrets.get_secret_value(SecretId=secret_id).get("SecretString")
    except (BotoCoreError, ClientError) as fault:
        raise NoSecret(f"reading the secret {secret_id}: {fault}") from fault
    return _jwt_secret(value, secret_id)


class DeployedTokens:
    """Finds the secret anew for each token, so that a rotated one is used at once.

    Args:
        endpoint_url: Where Lambda and Secrets Manager answer.
        function: Name of one of the functions, None when none is deployed.
    """

    def __init__(self, endpoint_url: str, region: str, function: Callable[[], str | None]) -> None:
        self._function = function
        self._lambda = client("lambda", endpoint_url, region)
        self._secrets = client("secretsmanager", endpoint_url, region)

    async def __call__(self, body: bytes, headers: dict[str, str]) -> Reply:
        try:
            secret = await asyncio.to_thread(self._secret)
        except NoSecret as fault:
            error = {"error": {"code": "unavailable", "message": str(fault)}}
            return 503, {"content-type": "application/json"}, json.dumps(error).encode()
        return await DevTokens(secret)(body, headers)

    def _secret(self) -> str:
        """As the functions find it: in Secrets Manager, else in their environment."""
        function = self._function()
        if function is None:
            raise NoSecret("nothing is deployed")
        try:
            answer = self._lambda.get_function_configuration(FunctionName=function)
            environment = answer.get("Environment", {}).get("Variables", {})
            secret_id = environment.get("TIDINGS_SECRET_ID")
            if secret_id:
                value = self._secrets.get_secret_value(SecretId=secret_id).get("SecretString")
                return _jwt_secret(value, secret_id)
        except (BotoCoreError, ClientError) as fault:
            raise NoSecret(f"reading the secret of {function}: {fault}") from fault
        secret = environment.get("TIDINGS_JWT_SECRET")
        if not secret:
            raise NoSecret(f"{function} has neither TIDINGS_SECRET_ID nor TIDINGS_JWT_SECRET")
        return str(secret)


def _jwt_secret(value: str | None, secret_id: str) -> str:
    try:
        secret = json.loads(value or "{}")["jwt_secret"]
    except (ValueError, KeyError, TypeError) as fault:
        raise NoSecret(f"the secret {secret_id} is no JSON object with jwt_secret") from fault
    if not isinstance(secret, str) or not secret:
        raise NoSecret(f"the secret {secret_id} has an empty jwt_secret")
    return secret
