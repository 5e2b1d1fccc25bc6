"""The requests of one call of the poster, and their results."""

from __future__ import annotations

import threading
from collections import Counter

from ...model.connections import Target
from ...model.delivery import Outcome
from .outcomes import Crowd
from .sigv4 import Signer
from .sockets import Request


class Batch:
    """The results that one caller waits for. Settled only in the loop's thread."""

    def __init__(
        self, size: int, young_before_ms: int, counts: Counter[int | str], crowd: Crowd
    ) -> None:
        self.outcomes = [Outcome.FAILED] * size
        self.failures: Counter[str] = Counter()
        self.done = threading.Event()
        self._left = size
        self._young_before_ms = young_before_ms
        self._counts = counts
        self._crowd = crowd

    def settle(self, request: SignedRequest, result: int | str) -> None:
        """Record a request's result: the HTTP status, or the reason why there is none."""
        outcome = Outcome.FAILED
        if isinstance(result, int):
            outcome = self._crowd.outcome(result, request.target.connection_id)
        self.outcomes[request.index] = outcome
        if outcome is Outcome.FAILED:
            self.failures[f"status_{result}" if isinstance(result, int) else result] += 1
        elif outcome is Outcome.BUSY:
            self._counts["429_crowd"] += 1
        if result == 410 and request.target.connected_at_ms > self._young_before_ms:
            result = "410_young"
        self._counts[result] += 1
        self.skip(1)

    def throttle(self, start: int) -> None:
        """Record that there was no budget for the posts from `start` on."""
        count = len(self.outcomes) - start
        self.outcomes[start:] = [Outcome.UNSENT] * count
        self._counts["no_budget"] += count
        self.skip(count)

    def skip(self, count: int) -> None:
        self._left -= count
        if not self._left:
            self.done.set()


class SignedRequest(Request):
    """A post or a close; signed when a socket sends it."""

    __slots__ = ("batch", "body", "digest", "index", "method", "paths", "signer", "target")

    def __init__(
        self, batch: Batch, index: int, method: str, target: Target, body: bytes, digest: str
    ) -> None:
        self.batch, self.index, self.method = batch, index, method
        self.target, self.body, self.digest = target, body, digest
        self.signer: Signer
        self.paths: tuple[str, str]

    def encode(self) -> bytes:
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
