"""Every error a caller can meet, as one tree.

    TidingsError                     wire code          retryable
    ├── BadRequest                   bad_request        no
    ├── Unauthorized                 unauthorized       no
    │   └── NotConnected             unauthorized       no    closed, or not connected yet
    │       └── OtherProtocol        unauthorized       no    the handshake was of another protocol
    ├── PermissionDenied             permission_denied  no
    ├── NotFound                     not_found          no
    ├── Conflict                     conflict           no
    ├── RateLimited                  rate_limited       yes
    │   └── RefusedTooOften          rate_limited       yes   the connection is closed
    ├── TooLarge                     too_large          no
    ├── UnknownAction                unknown_action     no
    ├── Unavailable                  unavailable        yes   a store or queue did not answer
    │   └── CacheDown                (never on the wire: callers fall back to the stores)
    └── Internal                     internal           yes   a bug in the service

The message of a TidingsError is shown to clients: it never carries a payload, a token or a
stack trace.
"""

from __future__ import annotations

# How long a client stays away whose connection was closed because too much of it was refused.
REFUSED_AGAIN_MS = 10_000


class TidingsError(Exception):
    """Base of all errors with a wire code.

    Attributes:
        code: The `code` of the error frame (docs/reference/protocol.md).
        status: The HTTP status that means the same.
        retryable: Whether the same request may succeed later.
        retry_after_ms: When to try again, in milliseconds from now; None if nobody knows.
    """

    code = "internal"
    status = 500
    retryable = True

    def __init__(self, message: str = "", retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms

    def as_json(self) -> dict[str, str | bool | int]:
        """The error as every protocol sends it: code, message, retryable, retry_after_ms."""
        return {
            "code": self.code,
            "message": str(self),
            "retryable": self.retryable,
            **self.when(),
        }

    def when(self) -> dict[str, int]:
        """`retry_after_ms` where it is known."""
        return {} if self.retry_after_ms is None else {"retry_after_ms": self.retry_after_ms}


class BadRequest(TidingsError):
    """The request is malformed: the message names the field at fault. Correct it."""

    code, status, retryable = "bad_request", 400, False


class Unauthorized(TidingsError):
    """There is no valid token. Get a new one."""

    code, status, retryable = "unauthorized", 401, False


class NotConnected(Unauthorized):
    """The connection is unknown: it has ended, or its handshake is not finished."""


class OtherProtocol(NotConnected):
    """The frame is not of the protocol in which the connection's handshake was."""


class PermissionDenied(TidingsError):
    """The user may not do this, or their access is revoked for a time."""

    code, status, retryable = "permission_denied", 403, False


class NotFound(TidingsError):
    """The resource does not exist, or this user may not see it."""

    code, status, retryable = "not_found", 404, False


class Conflict(TidingsError):
    """The request conflicts with stored state, such as a room id that is taken."""

    code, status, retryable = "conflict", 409, False


class RateLimited(TidingsError):
    """Too many requests. Wait for `retry_after_ms`, then send the request again."""

    code, status, retryable = "rate_limited", 429, True

    def __init__(self, message: str, retry_after_ms: int = 1000) -> None:
        super().__init__(message, retry_after_ms)


class RefusedTooOften(RateLimited):
    """Too many frames of this user were refused: the connection is closed. Connect again later."""

    def __init__(self, message: str) -> None:
        super().__init__(message, REFUSED_AGAIN_MS)


class TooLarge(TidingsError):
    """The request exceeds a size limit, which the message names."""

    code, status, retryable = "too_large", 413, False


class UnknownAction(TidingsError):
    """There is no action of this name."""

    code, status, retryable = "unknown_action", 400, False


class Unavailable(TidingsError):
    """A store, a queue or the token issuer did not answer. Wait, then send the request again."""

    code, status, retryable = "unavailable", 503, True


class CacheDown(Unavailable):
    """Redis did not answer. Internal: callers catch it and read DynamoDB instead."""


class Internal(TidingsError):
    """The service failed. Wait, then send the request again."""

    code, status, retryable = "internal", 500, True
