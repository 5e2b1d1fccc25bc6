"""The requests of one call of the poster, and their results."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from ...model.connections import Target
from ...model.delivery import Outcome
from ...model.identifiers import ConnectionId
from ..http.pool import Pool
from ..http.sigv4 import Signer
from ..http.sockets import Request
from .outcomes import Crowd


class Batch:
    """The results that one caller waits for. Used only in the loop's thread, except by `add`.

    Requests to one connection are released one after the other: each when it was granted and the
    one before it has succeeded.

    Args:
        submit: Sends requests.
    """

    def __init__(
        self,
        young_before_ms: int,
        counts: Counter[int | str],
        crowd: Crowd,
        submit: Callable[[Sequence[SignedRequest]], None],
    ) -> None:
        self.outcomes: list[Outcome] = []
        self.failures: Counter[str] = Counter()
        self.done = threading.Event()
        self._left = 0
        self._young_before_ms = young_before_ms
        self._counts = counts
        self._crowd = crowd
        self._submit = submit
        self._last: dict[ConnectionId, SignedRequest] = {}

    def add(self, method: str, target: Target, body: bytes, digest: str) -> SignedRequest:
        """Add a request; call it before the first `grant`."""
        request = SignedRequest(self, len(self.outcomes), method, target, body, digest)
        before = self._last.get(target.connection_id)
        if before is None:
            request.ready = True
        else:
            before.after = request
        self._last[target.connection_id] = request
        self.outcomes.append(Outcome.FAILED)
        self._left += 1
        return request

    def grant(self, requests: Sequence[SignedRequest]) -> None:
        """The budget has these requests: send those that need not wait for another."""
        for request in requests:
            request.granted = True
        self._submit([request for request in requests if request.ready])

    def settle(self, request: SignedRequest, result: int | str) -> None:
        """Record a request's result: the HTTP status, or the reason why there is none."""
        if request.ended:  # its caller has given it up
            return
        outcome = Outcome.FAILED
        if isinstance(result, int):
            outcome = self._crowd.outcome(result, request.target.connection_id)
        if outcome is Outcome.FAILED:
            self.failures[f"status_{result}" if isinstance(result, int) else result] += 1
        elif outcome is Outcome.BUSY:
            self._counts["429_crowd"] += 1
        if result == 410 and request.target.connected_at_ms > self._young_before_ms:
            result = "410_young"
        self._counts[result] += 1
        self._end(request, outcome)

    def throttle(self, requests: Sequence[SignedRequest]) -> None:
        """Record that there was no budget for these requests."""
        for request in requests:
            if not request.ended:
                self._counts["no_budget"] += 1
                self._end(request, Outcome.UNSENT)

    def begin_no_more(self, requests: Sequence[SignedRequest]) -> None:
        """Leave what is not written yet to somebody else; what is written gets its answer."""
        for request in requests:
            if not request.ended and not request.written:
                self._counts["not_begun"] += 1
                self._end(request, Outcome.UNSENT)

    def give_up(self, requests: Sequence[SignedRequest]) -> None:
        """Wait no longer: of a request that was written, nobody knows whether it arrives."""
        for request in requests:
            if not request.ended:
                self.failures["given_up"] += 1
                self._counts["given_up"] += 1
                self._end(request, Outcome.FAILED)

    def _end(self, request: SignedRequest, outcome: Outcome) -> None:
        ended, following = [(request, outcome)], request.after
        if outcome in (Outcome.DELIVERED, Outcome.TOO_LARGE):
            if following is not None:
                following.ready = True
                if following.granted and not following.ended:
                    self._submit([following])
        else:
            while following is not None:
                if not following.ended:
                    ended.append((following, Outcome.HELD))
                following = following.after
        for each, how in ended:
            each.ended = True
            self.outcomes[each.index] = how
        self._left -= len(ended)
        if not self._left:
            self.done.set()


class SignedRequest(Request):
    """A post or a close; signed when a socket sends it.

    Attributes:
        granted: The budget has it.
        ready: No earlier request to the same connection is pending.
        ended: It has an outcome; one that waits for a socket then is not sent any more.
        written: A socket has sent it, perhaps not all of it.
        after: The next request to the same connection.
    """

    __slots__ = (
        "after", "batch", "body", "digest", "ended", "granted", "index", "method", "paths", "pool",
        "ready", "signer", "target", "written",
    )  # fmt: skip

    def __init__(
        self, batch: Batch, index: int, method: str, target: Target, body: bytes, digest: str
    ) -> None:
        self.batch, self.index, self.method = batch, index, method
        self.target, self.body, self.digest = target, body, digest
        self.granted = self.ready = self.ended = self.written = False
        self.after: SignedRequest | None = None
        self.signer: Signer
        self.paths: tuple[str, str]
        self.pool: Pool

    def is_wanted(self) -> bool:
        return not self.ended

    def encode(self) -> bytes:
        self.written = True
        signer = self.signer
        wire, canonical = self.paths
        authorization = signer.authorization(self.method, canonical, self.digest)
        head = (
            f"{self.method} {wire} HTTP/1.1\r\n{signer.headers}authorization: {authorization}\r\n"
            f"content-length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body

    def settle(self, result: int | str) -> None:
        self.batch.settle(self, result)
