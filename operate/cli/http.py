"""The few HTTP calls the CLI makes."""

from __future__ import annotations

from typing import Any

import aiohttp


class HttpError(Exception):
    """No answer, or not the one that was needed; the text is for the user."""


async def request(method: str, url: str, token: str = "", body: Any = None) -> tuple[int, Any]:
    """(status, JSON).

    Raises:
        HttpError: Nothing answers.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, json=body, headers=headers) as answer,
        ):
            return answer.status, await answer.json(content_type=None)
    except ValueError:
        raise HttpError(f"{url} answers with something else than JSON") from None
    except aiohttp.ClientConnectionError:
        raise HttpError(f"nothing answers at {url}: is `make run` running?") from None


async def dev_token(url: str, user: str, expires_in_s: int, roles: list[str]) -> str:
    """From a local stack.

    Raises:
        HttpError: Nothing answers, or what answers gives none.
    """
    body = {"user_id": user, "expires_in_s": expires_in_s, "roles": roles}
    status, answer = await request("POST", f"{url}/dev/token", body=body)
    if status == 200:
        return str(answer["token"])
    if status in (403, 404):
        raise HttpError(f"{url} is no local stack and gives no tokens: name its --secret")
    raise HttpError(f"no token: {status} {answer}")
