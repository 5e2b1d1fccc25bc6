"""AWS clients, created at their first use, with timeouts; and AWS errors as `Unavailable`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..kernel import telemetry
from ..kernel.errors import Unavailable

_lock = threading.Lock()
_session: Any = None
_clients: dict[tuple[str, str, str | None], Any] = {}

# Errors that may pass by themselves. A cancelled transaction or a failed condition is not one:
# the caller handles it.
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

# Errors of the deployment, not of the call: when an operator has fixed it, the same call succeeds.
# So no job may be discarded because of them.
_NOT_SET_UP = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSignatureException",
    "KmsAccessDenied",
    "KmsDisabled",
    "KmsInvalidState",
    "KmsNotFound",
    "KmsOptInRequired",
    "OptInRequired",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


def client(service: str, region: str, endpoint_url: str | None) -> Any:
    """A thread-safe low-level client, shared by the process.

    Timeouts are short, as a frame waits for the call; the SDK's own retries (standard mode,
    which backs off with jitter) come on top.
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
    """Raise errors of the service or the network as `Unavailable`; other errors pass."""
    from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError
    from botocore.exceptions import ConnectionError as NoConnection

    try:
        yield
    except ClientError as fault:
        status = fault.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = fault.response["Error"]["Code"]
        if code in _NOT_SET_UP:
            telemetry.log("ERROR", "access_refused", code=code)
        if status >= 500 or code in _TRANSIENT | _NOT_SET_UP:
            raise Unavailable(f"{what} did not answer, try again") from fault
        raise
    except (HTTPClientError, NoConnection, NoCredentialsError) as fault:
        raise Unavailable(f"{what} did not answer, try again") from fault
