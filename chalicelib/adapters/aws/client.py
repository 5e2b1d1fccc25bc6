"""A signed call of an AWS service in JSON, sent over keep-alive sockets until it has its answer.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from zlib import crc32

from ...kernel import telemetry
from ...ports.system import Clock, Ids
from ..http.calls import Sockets, Unanswered
from ..http.endpoints import endpoint
from ..http.origin import Origin
from ..http.response import HttpAnswer
from ..http.sigv4 import Credentials, Signer, amz_date, canonical_path
from .errors import AwsError, ErrorAnswer, NoAnswer, error_answer
from .retries import Retries

Json = dict[str, Any]

# Not signed, as in the SDKs. No compression: the checksum is that of the bytes as they come.
_SKEWED = {
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
}  # codes of a signature that may be wrong in its time only, as minutes are accepted
_SKEW_MS = 60_000
_UNSIGNED = "accept-encoding: identity\r\nuser-agent: tidings\r\n"


@dataclass(frozen=True, slots=True)
class Service:
    """How a service is called.

    Attributes:
        name: In its endpoint and in signatures.
        content_type: Of requests.
        target: What precedes the operation in X-Amz-Target; "" for none.
        headers: Further headers of requests, to be signed.
        silent: Operations whose answer may have no body. Of others, an empty one is none: an item
            that is missing would look the same.
    """

    name: str
    content_type: str
    target: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    silent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How long a call may take.

    Attributes:
        connect_s: Maximum seconds to connect.
        read_s: Maximum seconds of silence while it waits for an answer.
        attempts: Maximum number of attempts.
    """

    connect_s: float = 2.0
    read_s: float = 3.0
    attempts: int = 3


class Client:
    """Calls one service of one region. Thread-safe. Timeouts are short, as a frame waits.

    Args:
        endpoint_url: Base URL of an emulator; None for the region's own.
        credentials: Asked for each attempt, so that refreshed credentials are used.
        once_within_s: Do not retry, and wait at most this long for a connection or an answer.

    Attributes:
        watchers: Called with the operation and its arguments before each attempt.
        limits: Those of each call.
    """

    service: Service

    def __init__(
        self,
        region: str,
        endpoint_url: str | None,
        credentials: Callable[[], Credentials],
        clock: Clock,
        ids: Ids,
        once_within_s: float | None = None,
    ) -> None:
        self.watchers: list[Callable[[str, Mapping[str, Any]], None]] = []
        self._region, self._credentials, self._clock = region, credentials, clock
        self._ids = ids
        self._ahead_ms = 0  # of the service's clock, once a signature was refused
        once = once_within_s
        self.limits = CallLimits(once, once, attempts=1) if once else CallLimits()
        self._origin = Origin(endpoint_url or endpoint(self.service.name, region))
        self._path = f"{self._origin.path}/"
        self._canonical = canonical_path(self._path)
        limits = self.limits
        self._sockets = Sockets(self._origin, clock, limits.connect_s, limits.read_s)
        self._retries = Retries(limits.attempts, ids.jitter)

    def close(self) -> None:
        """Close the idle sockets; the client opens new ones when it is used again."""
        self._sockets.close()

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> Json:
        """The answer of an operation.

        Raises:
            AwsError: It failed, and every attempt that the policy allows.
            Unavailable: There are no credentials.
        """
        body = self._encode(operation, arguments)
        digest = sha256(body).hexdigest()
        course = self._retries.begin()
        fresh = False
        while True:
            for watcher in self.watchers:
                watcher(operation, arguments)
            try:
                answer = self._attempt(operation, body, digest, fresh)
            except AwsError as fault:
                pause_s = course.failed(fault)
                if pause_s is None:
                    raise
                fresh = isinstance(fault, NoAnswer) and fault.stale
                if pause_s:
                    self._clock.sleep(pause_s)
            else:
                course.succeeded()
                return answer

    def _attempt(
        self, operation: str, body: bytes, digest: str, fresh: bool, *, learns: bool = True
    ) -> Json:
        service, ahead_ms = self.service, self._ahead_ms
        more = [("content-type", service.content_type), *service.headers]
        if service.target:
            more.append(("x-amz-target", service.target + operation))
        signer = Signer(
            self._origin.host,
            self._region,
            self._credentials(),
            amz_date(self._clock.now_ms() + ahead_ms),
            service.name,
            more,
        )
        authorization = signer.authorization("POST", self._canonical, digest)
        head = (
            f"POST {self._path} HTTP/1.1\r\n{signer.headers}authorization: {authorization}\r\n"
            f"{_UNSIGNED}content-length: {len(body)}\r\n\r\n"
        )
        try:
            answer = self._sockets.exchange(head.encode() + body, fresh=fresh)
        except Unanswered as fault:
            raise NoAnswer(operation, fault.reason, fault.stale) from fault
        if not _intact(answer):
            raise NoAnswer(operation, "checksum")
        if answer.status >= 300:  # a redirect, too: no service sends one, so nobody is followed
            refusal, date = self._error(operation, answer), answer.field("date")
            learns = learns and refusal.code in _SKEWED
            if learns and self._learns_time(date, ahead_ms):
                return self._attempt(operation, body, digest, fresh, learns=False)
            raise refusal
        return self._decode(operation, answer)

    def _learns_time(self, date: str, signed_ahead_ms: int) -> bool:
        """Whether the service's clock differs from what was signed; later signatures go by it."""
        from email.utils import parsedate_to_datetime  # of no use while clocks are right

        try:
            theirs_ms = int(parsedate_to_datetime(date).timestamp() * 1000)
        except ValueError:
            return False
        ahead_ms = theirs_ms - self._clock.now_ms()
        if abs(ahead_ms - signed_ahead_ms) < _SKEW_MS:
            return False
        self._ahead_ms = ahead_ms
        telemetry.log("WARNING", "clock_differs", ahead_ms=ahead_ms)
        return True

    def _encode(self, operation: str, arguments: Mapping[str, Any]) -> bytes:
        return json.dumps(arguments).encode()

    def _decode(self, operation: str, answer: HttpAnswer) -> Json:
        found = _object(answer.body)
        if found is not None:
            return found
        if answer.body or operation not in self.service.silent:
            raise NoAnswer(operation, "malformed")
        return {}

    def _error(self, operation: str, answer: HttpAnswer) -> ErrorAnswer:
        found = _object(answer.body) or {}
        code = str(found.get("__type") or answer.status).split(":", 1)[0].rpartition("#")[2]
        # Services that once spoke the query protocol name their errors as they did in it.
        old, separator, _ = answer.field("x-amzn-query-error").partition(";")
        message = found.get("message") or found.get("Message")
        reasons = found.get("CancellationReasons")
        return error_answer(
            operation,
            old if separator and old else code,
            answer.status,
            message if isinstance(message, str) else "",
            answer.field("x-amzn-requestid"),
            reasons if isinstance(reasons, list) else (),
        )


def _object(body: bytes) -> Json | None:
    """The JSON object of a body; None if it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _intact(answer: HttpAnswer) -> bool:
    """Whether the body is the one that DynamoDB sent, which adds its CRC-32."""
    checksum = answer.field("x-amz-crc32")
    return not checksum or checksum == str(crc32(answer.body))
