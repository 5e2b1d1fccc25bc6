"""AWS credentials for the requests that this package signs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...kernel.errors import Unavailable
from .sigv4 import Credentials


def botocore_credentials() -> Callable[[], Credentials]:
    """A function that returns the credentials that botocore finds and refreshes.

    Raises:
        Unavailable: Raised by the returned function if there are no credentials.
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
