"""Cross-origin requests: pages of which other origins may read the HTTP API's answers.

This guards nothing on the server: a browser sends no token by itself, so a page of another origin
has only what its user gave it.
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Mapping

from ...kernel.settings import ANY_ORIGIN, Settings

# Browsers keep a preflight's answer for two hours at most.
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "7200",
}


def headers(settings: Settings, asked: Mapping[str, str], method: str) -> dict[str, str]:
    """What an answer, of whatever status, has to say to the page that asked.

    Args:
        asked: The request's headers, by any case or lower.
    """
    allowed, origin = settings.allowed_origins, asked.get("origin")
    if origin is None or not allowed:
        return {}
    if ANY_ORIGIN in allowed:
        granted = {"Access-Control-Allow-Origin": ANY_ORIGIN}
    elif origin in allowed:
        granted = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    else:
        return {"Vary": "Origin"}
    return {**granted, **PREFLIGHT} if method == "OPTIONS" else granted
