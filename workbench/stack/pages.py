"""Requests that a web page in the developer's browser makes, which local servers refuse.

Owns the rule; each server applies it. A page of any site can send requests to this machine. What
it cannot do is hide that: a browser names the page's origin, and after DNS rebinding the Host is
the site's own name.
https://fetch.spec.whatwg.org/#origin-header https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

# Of a navigation that its user typed, and of a page that this very server has served.
_OWN_FETCHES = ("none", "same-origin")


def refusal(headers: Mapping[str, str], origins: Collection[str] = ()) -> str | None:
    """Why a request is refused, None when it may pass.

    Args:
        headers: By lower-case name.
        origins: Those of other servers whose pages may ask.
    """
    host = headers.get("host", "")
    if not is_loopback(host):
        return f"the Host {host!r} is not this machine"
    origin = headers.get("origin")
    if origin is not None:
        own = origin == f"http://{host.lower()}"
        return None if own or origin in origins else f"pages of {origin} may not ask this"
    site = headers.get("sec-fetch-site", "none")
    return None if site in _OWN_FETCHES else "pages of other sites may not ask this"


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine: no other site can have such a name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in ("127.0.0.1", "localhost", "::1") or name.endswith(".localhost")
