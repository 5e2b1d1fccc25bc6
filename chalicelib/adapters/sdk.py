"""AWS through its SDK: for what is rare and not worth a client of ours, as metrics are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..kernel.errors import Unavailable
from .aws.errors import may_pass

_lock = threading.Lock()
_session: Any = None
_clients: dict[tuple[str, str, str | None], Any] = {}


def client(service: str, region: str, endpoint_url: str | None) -> Any:
    """A thread-safe low-level client, shared by the process; its timeouts are short."""
    from botocore.config import Config
    from botocore.session import get_session

    global _session
    key = (service, region, endpoint_url)
    with _lock:
        if key not in _clients:
            _session = _session or get_session()
            config = Config(
                connect_timeout=2,
                read_timeout=3,
                retries={"mode": "standard", "total_max_attempts": 3},
            )
            _clients[key] = _session.create_client(
                service, region_name=region, endpoint_url=endpoint_url, config=config
            )
        return _clients[key]


def forget() -> None:
    """Drop all clients and the session: the next client reads the environment anew."""
    global _session
    with _lock:
        _session = None
        _clients.clear()


@contextmanager
def unavailable(what: str) -> Iterator[None]:
    """Raise errors of the service or the network as `Unavailable`; other errors pass."""
    from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        yield
    except ClientError as fault:
        status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if may_pass(fault.response["Error"]["Code"], status):
            raise Unavailable(f"{what} did not answer, try again") from fault
        raise
    except (HTTPClientError, NoConnection, NoCredentialsError) as fault:
        raise Unavailable(f"{what} did not answer, try again") from fault
