"""`POST /dev/token`: for whom the service would refuse a token, there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.stack.tokens import DevTokens

TOKENS = DevTokens("s" * 40)


async def asked(body: Any) -> tuple[int, dict[str, Any]]:
    status, _, answer = await TOKENS(json.dumps(body).encode(), {})
    return status, json.loads(answer)


@pytest.mark.parametrize(
    "body",
    [
        {"user_id": "bob smith"},
        {"user_id": ".bob"},
        {"user_id": "b" * 129},
        {"user_id": "bob\n"},
        {"user_id": ""},
        {"user_id": 7},
        {},
        [],
        {"user_id": "bob", "roles": "admin"},
        {"user_id": "bob", "expires_in_s": 10**30},
        {"user_id": "bob", "expires_in_s": 34_560_001},
        {"user_id": "bob", "expires_in_s": float("inf")},
        {"user_id": "bob", "expires_in_s": float("nan")},
        {"user_id": "bob", "expires_in_s": "soon"},
        {"user_id": "bob", "expires_in_s": None},
    ],
)
async def test_what_is_refused(body: Any) -> None:
    status, answer = await asked(body)
    assert (status, answer["error"]["code"]) == (400, "bad_request")
    assert "a user id is 1 to 128 letters" in answer["error"]["message"]


@pytest.mark.parametrize("seconds", [-60, 1, 3600.5, 34_560_000])
async def test_what_is_given(seconds: float) -> None:
    status, answer = await asked({"user_id": "bob@example.com", "expires_in_s": seconds})
    assert (status, list(answer)) == (200, ["token"])
