"""Check whether a server answers on this machine."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPException

_ASK_S = 1.0
# Servers on this machine are never reached through a proxy.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str) -> bool:
    """Whether a server at `url` speaks HTTP."""
    return _status(url) is not None


def healthy(url: str) -> bool:
    """Whether `url` answers with 200."""
    return _status(url) == 200


def _status(url: str) -> int | None:
    try:
        with DIRECT.open(url, timeout=_ASK_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as answer:
        return answer.code
    except (OSError, HTTPException, ValueError):
        return None
