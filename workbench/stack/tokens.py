"""`POST /dev/token`: anybody's token, on the local stack only."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.kernel.names import is_user
from chalicelib.kernel.settings import Settings
from operate.tokens import sign

Reply = tuple[int, dict[str, str], bytes]


_PAST_S = 315_360_000  # ten years


class DevTokens:
    """Issues tokens.

    Args:
        settings: Those of the functions that will verify them.
    """

    def __init__(self, secret: str, settings: Settings | None = None) -> None:
        self._secret = secret
        self._settings = settings or Settings()

    async def __call__(self, body: bytes, headers: dict[str, str]) -> Reply:
        try:
            token = self._token(json.loads(body))
        except (ValueError, KeyError, TypeError, RecursionError):
            message = (
                'the body is {"user_id": text, "expires_in_s"?: number, "roles"?: [text]}; a user '
                "id is 1 to 128 letters, digits and _ : . @ | + = ~ -, the first of them no dot, "
                "and no reserved name; "
                f"a token is valid for at most {self._settings.jwt_max_validity_s} seconds"
            )
            return _reply(400, {"error": {"code": "bad_request", "message": message}})
        return _reply(200, {"token": token})

    def _token(self, request: dict[str, Any]) -> str:
        user, roles = request["user_id"], request.get("roles", [])
        if not isinstance(user, str) or not is_user(user):
            raise ValueError("user_id")
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise ValueError("roles")
        expires_in_s = request.get("expires_in_s", 3600)
        # Those of the past are to test with.
        if not -_PAST_S <= expires_in_s <= self._settings.jwt_max_validity_s:
            raise ValueError("expires_in_s")
        return sign(self._secret, user, int(expires_in_s), roles, self._settings)


def _reply(status: int, body: dict[str, Any]) -> Reply:
    return status, {"content-type": "application/json"}, json.dumps(body).encode()
