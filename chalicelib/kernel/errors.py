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

from enum import StrEnum

# How long a client stays away whose connection was closed because too much of it was refused.
REFUSED_AGAIN_MS = 10_000


class TokenFault(StrEnum):
    """Why a token is refused: the `reason` of `unauthorized`.

    Until the signature holds, a reason says nothing about the token's claims.

    Attributes:
        MISSING: The request has no token.
        MALFORMED: It is not a JWT, or it is too long.
        ALGORITHM: It is signed with an algorithm that this deployment does not accept.
        UNKNOWN_KEY: The issuer publishes no key with the token's `kid`.
        SIGNATURE: Its signature does not fit the key.
        MISSING_CLAIM: It lacks a claim, which the message names.
        BAD_CLAIM: The value of a claim has the wrong type.
        WRONG_ISSUER: It is of another issuer.
        WRONG_AUDIENCE: It was issued for another service.
        EXPIRED: It has expired. Get a new one.
        NOT_YET_VALID: It is valid only later, or was issued in the future: a clock is wrong.
        TOO_LONG: It is valid for longer than this deployment accepts, or its `exp` is in
            milliseconds.
        USER_ID: The user that it names is not a user id.
    """

    MISSING = "missing"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    MISSING_CLAIM = "missing_claim"
    BAD_CLAIM = "bad_claim"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    TOO_LONG = "too_long"
    USER_ID = "user_id"


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
        """The error as every protocol sends it: code, message, retryable, and `more`."""
        return {
            "code": self.code,
            "message": str(self),
            "retryable": self.retryable,
            **self.more(),
        }

    def as_body(self) -> dict[str, dict[str, str | int]]:
        """The error as the body of an HTTP answer, whose status says what is retryable."""
        return {"error": {"code": self.code, "message": str(self), **self.more()}}

    def for_log(self) -> dict[str, str]:
        """The fields of a log line."""
        return {"code": self.code}

    def more(self) -> dict[str, str | int]:
        """`retry_after_ms` and `reason`, where they are known."""
        return {} if self.retry_after_ms is None else {"retry_after_ms": self.retry_after_ms}


class BadRequest(TidingsError):
    """The request is malformed: the message names the field at fault. Correct it."""

    code, status, retryable = "bad_request", 400, False


class Unauthorized(TidingsError):
    """There is no valid token: `reason` says why. Get a new one.

    Attributes:
        reason: What is wrong with the token; None if it is the connection that is not valid.
    """

    code, status, retryable = "unauthorized", 401, False

    def __init__(self, message: str, reason: TokenFault | None = None) -> None:
        super().__init__(message)
        self.reason = reason

    def for_log(self) -> dict[str, str]:
        own = {} if self.reason is None else {"reason": self.reason.value}
        return {**super().for_log(), **own}

    def more(self) -> dict[str, str | int]:
        return {} if self.reason is None else {"reason": self.reason.value}


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
