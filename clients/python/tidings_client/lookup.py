"""Asks `GET /v1/endpoint`, in a thread: it is rare, and needs no library."""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.request
from collections.abc import Sequence
from typing import Any


async def ask(apis: Sequence[str], token: str, within_s: float) -> Any:
    """The first answer of these APIs, asked one after the other; None if there is none."""
    for api in apis:
        answer = await asyncio.to_thread(_ask, api, token, within_s)
        if answer is not None:
            return answer
    return None


def _ask(api: str, token: str, within_s: float) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{api}/v1/endpoint", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=within_s) as answer:
            return json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):  # also HTTP errors and timeouts
        return None
