"""Where requests that are signed by hand get their credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...kernel.errors import Unavailable
from .sigv4 import Credentials


def botocore_credentials() -> Callable[[], Credentials]:
    """Credentials as botocore finds them, refreshed by it as they age.

    Raises:
        Unavailable: (the answered function) There are none.
    """
    found: list[Any] = []

    def current() -> Credentials:
        if not found:
            from botocore.session import get_session

            found.append(get_session().get_credentials())
        if found[0] is None:
            found.clear()
            raise Unavailable("no AWS credentials")
        frozen = found[0].get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return current
