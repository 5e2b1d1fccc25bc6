"""`POST /dev/token` for deployed functions, signed with their secret.

It issues tokens for any user, so callers must serve it for emulators on this machine only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kernel.settings import Settings
from operate.clients import client
from operate.tokens import NoSecret, jwt_secret, scope
from workbench.gateway.wire import Reply
from workbench.stack.tokens import DevTokens


class DeployedTokens:
    """Issues tokens; reads the secret for each one, so that a rotated secret is used at once.

    Args:
        endpoint_url: Where Lambda and Secrets Manager answer.
        function: Returns the name of one function, or None if none is deployed.
    """

    def __init__(self, endpoint_url: str, region: str, function: Callable[[], str | None]) -> None:
        self._function = function
        self._lambda = client("lambda", endpoint_url, region)
        self._secrets = client("secretsmanager", endpoint_url, region)

    async def __call__(self, body: bytes, headers: dict[str, str]) -> Reply:
        try:
            secret, settings = await asyncio.to_thread(self._found)
        except NoSecret as fault:
            error = {"error": {"code": "unavailable", "message": str(fault)}}
            return 503, {"content-type": "application/json"}, json.dumps(error).encode()
        return await DevTokens(secret, settings)(body, headers)

    def _found(self) -> tuple[str, Settings]:
        """The secret as the functions find it, and what their settings want of tokens."""
        function = self._function()
        if function is None:
            raise NoSecret("no function is deployed yet: run `tidings deploy`")
        try:
            answer = self._lambda.get_function_configuration(FunctionName=function)
            environment = answer.get("Environment", {}).get("Variables", {})
            secret_id = environment.get("TIDINGS_SECRET_ID")
            if secret_id:
                value = self._secrets.get_secret_value(SecretId=secret_id).get("SecretString")
                return jwt_secret(value, secret_id), scope(environment)
        except (BotoCoreError, ClientError) as fault:
            raise NoSecret(f"the secret of {function} could not be read: {fault}") from fault
        secret = environment.get("TIDINGS_JWT_SECRET")
        if not secret:
            raise NoSecret(f"{function} has neither TIDINGS_SECRET_ID nor TIDINGS_JWT_SECRET")
        return str(secret), scope(environment)
