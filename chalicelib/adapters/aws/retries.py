"""What is sent again and when: the SDKs' standard mode.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html

Every operation is repeated, whether or not it is idempotent, as the SDKs do: after a lost answer a
write may be done twice, or its second attempt may fail on the condition that the first one made
false. What that means is decided where it is written: an append has a request token, which makes
its transaction happen once; jobs may be repeated; other writes set a state or have a condition.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from .errors import AwsError, ErrorAnswer, NoAnswer

_MOST_S = 20
_TRANSIENT_STATUS = {500, 502, 503, 504}
_TRANSIENT = {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"}
_THROTTLED = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
_TOKENS, _COST, _TIMEOUT_COST, _REFUND = 500, 5, 10, 1


class Quota:
    """Tokens that retries spend and successes refund, so that an outage is not made worse."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.left = _TOKENS

    def spend(self, tokens: int) -> bool:
        """False, and nothing spent, if there are not as many left."""
        with self._lock:
            if tokens > self.left:
                return False
            self.left -= tokens
            return True

    def refund(self, tokens: int) -> None:
        if self.left < _TOKENS:
            with self._lock:
                self.left = min(_TOKENS, self.left + tokens)


class Retries:
    """The policy of one client. Thread-safe.

    Args:
        most: Maximum number of attempts.
        jitter: Returns a random number in [0, 1).
    """

    def __init__(self, most: int, jitter: Callable[[], float]) -> None:
        self._most, self._jitter = most, jitter
        self.quota = Quota()

    def begin(self) -> Course:
        return Course(self)

    def pause_s(self, attempt: int) -> float:
        """Seconds between this attempt, from 1, and the next."""
        return self._jitter() * min(2.0 ** (attempt - 1), _MOST_S)

    def allows(self, attempt: int) -> bool:
        return attempt < self._most


class Course:
    """The attempts of one call."""

    __slots__ = ("_attempt", "_policy", "_spent")

    def __init__(self, policy: Retries) -> None:
        self._policy = policy
        self._attempt, self._spent = 0, 0

    def failed(self, fault: AwsError) -> float | None:
        """Count a failed attempt: seconds until the next one, None if there is none.

        A socket that was closed while it was idle says nothing about the service: the next attempt
        is made at once and spends nothing.
        """
        self._attempt += 1
        if not self._policy.allows(self._attempt) or not passing(fault):
            return None
        if isinstance(fault, NoAnswer) and fault.stale:
            return 0
        timeout = isinstance(fault, NoAnswer) and fault.reason == "timeout"
        tokens = _TIMEOUT_COST if timeout else _COST
        if not self._policy.quota.spend(tokens):
            return None
        self._spent = tokens
        return self._policy.pause_s(self._attempt)

    def succeeded(self) -> None:
        self._policy.quota.refund(self._spent or _REFUND)


def passing(fault: AwsError) -> bool:
    """Whether the next attempt may succeed."""
    if isinstance(fault, ErrorAnswer):
        codes = fault.code in _TRANSIENT or fault.code in _THROTTLED
        return codes or fault.status in _TRANSIENT_STATUS
    return True
