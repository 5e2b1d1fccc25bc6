"""Cross-origin requests: which other origins' pages may read the HTTP API's answers.

This does not protect the server: a browser never sends a token by itself, so a page of another
origin can use only a token that its user gave it.
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Mapping

from ...kernel.settings import ANY_ORIGIN, Settings

# Browsers keep a preflight's answer for two hours at most.
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match",
    "Access-Control-Max-Age": "7200",
}
# Pages may read few headers of an answer unless it names more.
_READABLE = {"Access-Control-Expose-Headers": "ETag"}


def headers(settings: Settings, asked: Mapping[str, str], method: str) -> dict[str, str]:
    """The CORS headers of an answer, whatever its status.

    Args:
        asked: The request's headers, with names in lower case or case-insensitive.
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
    return {**granted, **(PREFLIGHT if method == "OPTIONS" else _READABLE)}
