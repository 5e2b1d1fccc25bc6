"""Closes sockets, and repeats a close until it is done.

Whoever ends a connection calls `close` first and erases the connection afterwards. If API Gateway
does not confirm the close, a job that repeats it is queued before `close` returns. So a connection
is erased only when its socket is closed or will be. Otherwise the socket would stay open, and its
client would wait for messages that nobody sends there any more.
"""

from __future__ import annotations

import zlib
from enum import StrEnum

from .. import wire
from ..contract.events import Reconnect
from ..jobs.outbound import CloseConnection
from ..kernel import telemetry
from ..kernel.errors import REFUSED_AGAIN_MS
from ..model.connections import Target
from ..model.delivery import Outcome, Post
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.system import Clock
from . import lifetime

# API Gateway closes a websocket after two hours.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
MOST_AGE_MS = 7_200_000 + 60_000
FIRST_S, LONGEST_S = 5, 300  # the wait before the first repeat; it doubles up to the longest one
ANSWER_FIRST_S = 1  # an answer that is the return value of this invocation arrives before the close
OPENING_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)  # waits for a socket that is about to open
SPREAD_MS = 2_000


class Reason(StrEnum):
    """Why the server closes a connection whose client should connect again."""

    SLOW = "slow"
    BEHIND = "behind"
    SILENT = "silent"
    TOKEN_EXPIRED = "token_expired"
    TOO_OLD = "too_old"
    DISCONNECTED = "disconnected"
    DRAINING = "draining"
    REFUSED = "rate_limited"


class Closing:
    def __init__(self, poster: Poster, outbound: Queue, clock: Clock) -> None:
        self._poster = poster
        self._outbound = outbound
        self._clock = clock

    def close(
        self, target: Target, reason: Reason | None = None, endpoint: str | None = None
    ) -> None:
        """Close a socket now; if that is not confirmed, queue a job that repeats it.

        Args:
            reason: Tell the client first, with the event `reconnect`. The event may be lost.
            endpoint: Where the client should connect, if not to the same URL.

        Raises:
            Unavailable: The socket may be open and no job is queued. Do not erase the connection.
        """
        if reason is not None:
            self._announce(target, reason, endpoint)
        if not self._done(target, self._poster.close(target)):
            telemetry.log("WARNING", "close_repeated", target=target.connection_id)
            self._outbound.send([CloseConnection(target=target, delay_s=FIRST_S)])

    def after_the_answer(self, target: Target) -> None:
        """Close a socket when the answer to its frame has reached the client."""
        self._outbound.send([CloseConnection(target=target, delay_s=ANSWER_FIRST_S)])

    def once_open(self, target: Target) -> None:
        """Close a websocket that is about to open: its handshake could not be refused."""
        self._outbound.send([CloseConnection(target=target)])

    def repeat(self, job: CloseConnection) -> None:
        """Try again, and queue the next try if it is not confirmed. Idempotent.

        The tries end when the connection is so old that API Gateway has closed it.
        """
        target = job.target
        if self._age_ms(target) > MOST_AGE_MS:
            telemetry.log("ERROR", "close_given_up", target=target.connection_id)
            return
        if self._closes(target):
            return
        delay_s = min(LONGEST_S, FIRST_S << min(job.attempt, 10))
        if lifetime.young(target, self._clock.now_ms()):
            delay_s = 1
        again = CloseConnection(target=target, attempt=job.attempt + 1, delay_s=delay_s)
        self._outbound.send([again])

    def _closes(self, target: Target) -> bool:
        """Try to close; wait for about a second while the socket is not open yet."""
        for wait_s in OPENING_S:
            outcome = self._poster.close(target)
            if outcome is not Outcome.GONE or self._done(target, outcome):
                break
            self._clock.sleep(wait_s)
        return self._done(target, outcome)

    def _done(self, target: Target, outcome: Outcome) -> bool:
        """Whether the socket is closed. A 410 on a young connection may mean "not open yet"."""
        if outcome is Outcome.GONE:
            return not lifetime.young(target, self._clock.now_ms())
        return outcome is Outcome.DELIVERED

    def _announce(self, target: Target, reason: Reason, endpoint: str | None) -> None:
        """Post `reconnect`, with a wait that differs, so that not all clients return at once."""
        after_ms = zlib.crc32(target.connection_id.encode()) % SPREAD_MS
        if reason is Reason.REFUSED:
            after_ms += REFUSED_AGAIN_MS
        frame = wire.encode(target.protocol, Reconnect(reason, after_ms, endpoint))
        if frame is not None and not target.polls:
            self._poster.post([Post(target, frame)])

    def _age_ms(self, target: Target) -> int:
        return self._clock.now_ms() - target.connected_at_ms
