"""What AWS calls raise, and what of it may pass by itself.

    AwsError
    ├── NoAnswer                 no connection, no answer in time, or one that is garbage
    └── ErrorAnswer              AWS's own error, with its code
        ├── ConditionFailed      a write's condition did not hold
        └── TransactionCancelled a transaction wrote nothing, with a reason for each write

An error's text has its code and its request id, never AWS's message: that quotes what was sent, and
for a wrong signature the session token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...kernel import telemetry
from ...kernel.errors import Unavailable
from ..http.calls import UNTRUSTED

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
    "Throttled",
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
    "AuthorizationError",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSignatureException",
    "KMS.AccessDeniedException",
    "KmsAccessDenied",
    "KmsDisabled",
    "KmsInvalidState",
    "KmsNotFound",
    "KmsOptInRequired",
    "NotFound",
    "OptInRequired",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class AwsError(Exception):
    """A call that did not succeed. Whether it took effect is known only from some error codes."""


class NoAnswer(AwsError):
    """The service may have done what was asked, or not.

    Attributes:
        reason: That of `http.calls.Unanswered`, or "checksum".
        stale: As there.
    """

    def __init__(self, operation: str, reason: str, stale: bool = False) -> None:
        super().__init__(f"{operation}: {reason}")
        self.reason = reason
        self.stale = stale


class ErrorAnswer(AwsError):
    """An error that AWS answered with.

    Attributes:
        code: Such as ThrottlingException; the HTTP status if the answer has none.
        status: The HTTP status.
        message: AWS's own text. Do not log it.
        request_id: By which AWS's support finds the call; "" if the answer has none.
        reasons: Why each write of a cancelled transaction was refused, in the order of the writes:
            its `Code`, which is "None" if it was not, and `Item` if the write asked for the item
            in its way.
    """

    def __init__(
        self,
        operation: str,
        code: str,
        status: int,
        message: str = "",
        request_id: str = "",
        reasons: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(f"{operation}: {code}, HTTP status {status}, request {request_id or '-'}")
        self.reasons = list(reasons)
        self.code = code
        self.status = status
        self.message = message
        self.request_id = request_id


class ConditionFailed(ErrorAnswer):
    """A single write changed nothing, as its condition did not hold."""


class TransactionCancelled(ErrorAnswer):
    """A transaction wrote nothing: its `reasons` say why."""


_CLASSES: Mapping[str, type[ErrorAnswer]] = {
    "ConditionalCheckFailedException": ConditionFailed,
    "TransactionCanceledException": TransactionCancelled,
}


def error_answer(
    operation: str,
    code: str,
    status: int,
    message: str = "",
    request_id: str = "",
    reasons: Sequence[dict[str, Any]] = (),
) -> ErrorAnswer:
    """An error of the class that its code has."""
    made = _CLASSES.get(code, ErrorAnswer)
    return made(operation, code, status, message, request_id, reasons)


def may_pass(code: str, status: int) -> bool:
    """Whether the same call may succeed later. Logs what only an operator can repair."""
    if code in _NOT_SET_UP:
        telemetry.log("ERROR", "access_refused", code=code)
        return True
    return status >= 500 or code in _TRANSIENT


@contextmanager
def unavailable(what: str) -> Iterator[None]:
    """Raise errors of the service or the network as `Unavailable`; other errors pass."""
    try:
        yield
    except NoAnswer as fault:
        if fault.reason == UNTRUSTED:  # a certificate that an operator must replace or allow
            telemetry.log("ERROR", "access_refused", code=UNTRUSTED)
        raise Unavailable(f"{what} did not answer, try again") from fault
    except ErrorAnswer as fault:
        if may_pass(fault.code, fault.status):
            raise Unavailable(f"{what} did not answer, try again") from fault
        raise
