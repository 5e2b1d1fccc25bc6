"""boto3 clients: made lazily, once, with time-outs; and AWS's faults as ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import Unavailable

_lock = threading.Lock()
_session: Any = None
_clients: dict[tuple[str, str, str | None], Any] = {}

# What may pass by itself; a cancelled transaction or a failed condition is the caller's matter.
_TRANSIENT = {
    "InternalFailure",
    "InternalServerError",
    "KmsThrottled",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
}


def client(service: str, region: str, endpoint_url: str | None) -> Any:
    """A thread-safe low-level client, shared by the process.

    Time-outs are short: a frame waits for it, and the SDK's own retries (standard mode, which
    backs off with jitter) come on top.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    """
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
                max_pool_connections=64,
                tcp_keepalive=True,
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
    """Turn faults of the service or the way to it into `Unavailable`; others pass."""
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        yield
    except ClientError as fault:
        status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or fault.response["Error"]["Code"] in _TRANSIENT:
            raise Unavailable(f"{what} did not answer, try again") from fault
        raise
    except (HTTPClientError, NoConnection) as fault:
        raise Unavailable(f"{what} did not answer, try again") from fault
