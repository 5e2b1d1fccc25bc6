"""Headers of refused requests."""

from __future__ import annotations

import re

from ...kernel.errors import TidingsError, TokenFault, Unauthorized

_NOT_QUOTABLE = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")


def headers(error: TidingsError) -> dict[str, str]:
    """When to try again, if that is known, and how to authenticate, if that is missing."""
    found = {}
    if error.retry_after_ms is not None:
        found["Retry-After"] = str(-(-error.retry_after_ms // 1000))
    if isinstance(error, Unauthorized):
        found["WWW-Authenticate"] = _challenge(error)
    return found


def _challenge(error: Unauthorized) -> str:
    """Without a token there is no error code, only the scheme.

    https://www.rfc-editor.org/rfc/rfc6750#section-3
    """
    challenge = 'Bearer realm="tidings"'
    if error.reason is TokenFault.MISSING:
        return challenge
    description = _NOT_QUOTABLE.sub("", str(error))
    return f'{challenge}, error="invalid_token", error_description="{description}"'
