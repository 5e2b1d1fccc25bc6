"""AWS credentials for the requests that this package signs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...kernel.errors import Unavailable
from ...kernel.settings import environment_keys
from .sigv4 import Credentials


def credentials() -> Callable[[], Credentials]:
    """A function that returns the credentials of the environment, or those that botocore finds.

    A Lambda function has its role's keys in its environment, and they stay valid as long as the
    process lives. Elsewhere botocore looks in profiles and at metadata services, and refreshes what
    expires some minutes before it does. It is imported only then.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html

    Raises:
        Unavailable: Raised by the returned function if there are no credentials.
    """
    lock = threading.Lock()
    fixed: list[Credentials] = []
    found: list[Any] = []

    def look() -> None:
        keys = environment_keys()
        if keys is not None:
            fixed.append(Credentials(*keys))
        else:
            found.append(_resolve())

    def current() -> Credentials:
        if not fixed and not found:
            with lock:
                if not fixed and not found:
                    look()
        return fixed[0] if fixed else _frozen(found[0])

    return current


def _resolve() -> Any:
    from botocore.session import get_session

    with _unavailable():
        resolved = get_session().get_credentials()
    if resolved is None:
        raise Unavailable("no AWS credentials")
    return resolved


def _frozen(resolved: Any) -> Credentials:
    """The current keys; botocore refreshes them here."""
    with _unavailable():
        frozen = resolved.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


@contextmanager
def _unavailable() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, RuntimeError) as fault:  # RuntimeError: still expired
        raise Unavailable("the AWS credentials cannot be read or refreshed") from fault
