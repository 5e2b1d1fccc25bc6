"""`POST /dev/token`: anybody's token, on the local stack only."""

from __future__ import annotations

import json
from typing import Any

from operate.tokens import sign

Reply = tuple[int, dict[str, str], bytes]


class DevTokens:
    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def __call__(self, body: bytes, headers: dict[str, str]) -> Reply:
        try:
            request = json.loads(body)
            token = self._token(request)
        except (ValueError, KeyError, TypeError, RecursionError):
            message = 'the body is {"user_id": text, "expires_in_s"?: number, "roles"?: [text]}'
            return _reply(400, {"error": {"code": "bad_request", "message": message}})
        return _reply(200, {"token": token})

    def _token(self, request: dict[str, Any]) -> str:
        user, roles = request["user_id"], request.get("roles", [])
        if not isinstance(user, str) or not user or len(user) > 128:
            raise ValueError("user_id")
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise ValueError("roles")
        return sign(self._secret, user, int(request.get("expires_in_s", 3600)), roles)


def _reply(status: int, body: dict[str, Any]) -> Reply:
    return status, {"content-type": "application/json"}, json.dumps(body).encode()
