"""The lease of a stream's delivery, for the worker of its room and for its senders.

A stream is delivered by one process at a time: by whoever holds its lease. That saves doubled
posts; order does not depend on it. Whoever posts begins at the cursor, which moves only over
entries that every connection has, or has queued. So each connection gets an entry first from
somebody who has posted all entries before it, however many processes post. What a second process
does with the same entries is repeat them, and clients drop that by `message_id`.

What a process that was paused must not do is write the cursor while another one goes on: it would
change who is behind. So leases are numbered, each with a number above all earlier ones, and the
cursor refuses a write with a lower number than that of its last write.

Without Redis a worker goes on without a lease, with the number that it read with the cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..kernel import telemetry
from ..kernel.errors import CacheDown, Unavailable
from ..model.delivery import Cursor, Lane, Lease
from ..model.identifiers import Stream, UserId
from ..model.log import Entry
from ..ports.leases import DeliveryLeases
from ..ports.system import Clock, Ids

MOVED = "another process delivers this room, try again"
# A worker's run lasts eight seconds, and the posts that it has begun then four.
WORKER_MS, WORKER_POSTS_MS = 15_000, 10_000
# A sender's posts that wait for a socket when its time is over may still get one for as long again.
_BEGUN = 2
# Its lease then lasts for the post client's time-out (2 s), and until the cursor is written.
_ANSWERED_MS = 3_000
# How a worker waits for a sender, who has 3.5 s at most. Then its job waits in the queue.
_LOOKS_MS = (50,) * 20 + (200,) * 15


@dataclass(slots=True)
class Held:
    """A lease that this process has.

    Attributes:
        posts_until_ms: No post is begun later, by this process's clock.
        writes_until_ms: What waits for a socket is not written later, and left to the worker;
            the answers to what was written are waited for. None for no such time.
        is_plain: Whether the cursor is still nothing but a seq.
    """

    stream: Stream
    token: str
    posts_until_ms: int
    is_plain: bool
    writes_until_ms: int | None = None


class Holding:
    """Takes and gives up leases; a deployment without the fast lane needs none."""

    def __init__(self, leases: DeliveryLeases, clock: Clock, ids_: Ids, *, is_needed: bool) -> None:
        self._leases = leases
        self._clock = clock
        self._ids = ids_
        self._is_needed = is_needed

    def token(self) -> str:
        """A name for a worker's job, which takes the lease again for each of its runs."""
        return self._ids.token()

    def wait(
        self, stream: Stream | None, read: Callable[[], Cursor], newest: int, token: str
    ) -> tuple[Cursor, Held | None]:
        """Take the lease for a worker, unless the cursor has reached the newest entry.

        Args:
            stream: None for what only its worker delivers.
            read: Reads the cursor.

        Returns:
            The cursor, as it was under the lease. Without the lease if there is nothing to do, or
            if Redis is away.

        Raises:
            Unavailable: Another process has it, and goes on.
        """
        until_ms = self._clock.now_ms() + sum(_LOOKS_MS)
        for look_ms in _LOOKS_MS:
            cursor = read()
            if stream is None or not self._is_needed or newest <= cursor.seq:
                return cursor, None
            began_ms = self._clock.now_ms()
            try:
                lease = self._leases.take_lease(stream, token, WORKER_MS)
            except CacheDown:
                return cursor, None
            if isinstance(lease, Lease):
                held = Held(stream, token, began_ms + WORKER_POSTS_MS, cursor.is_plain)
                if lease.at != cursor.seq:  # moved since it was read, or perhaps
                    cursor = self._read(read, held)
                    held.is_plain = cursor.is_plain
                # Redis's clock may have been set back.
                return replace(cursor, fence=max(lease.fence, cursor.fence)), held
            if self._clock.now_ms() >= until_ms:  # the store is slow; the function has a timeout
                break
            self._clock.sleep(min(lease, look_ms) / 1000)
        raise Unavailable(MOVED)

    def _read(self, read: Callable[[], Cursor], held: Held) -> Cursor:
        """Read the cursor under the lease, which is given up if that fails."""
        try:
            return read()
        except Exception:
            self.give_up(held, None)
            raise

    def try_lane(
        self, entries: Sequence[Entry], users: Sequence[UserId], posts_ms: int
    ) -> tuple[Lane, Held] | None:
        """Take the lease for the sender of the first of these entries, as `take_lane`.

        Args:
            posts_ms: How long the sender may begin posts from now on.

        Raises:
            CacheDown: Without Redis there is no lane.
        """
        stream = entries[0].room_id, entries[0].region
        began_ms, token = self._clock.now_ms(), self._ids.token()
        posts_until_ms, writes_until_ms = began_ms + posts_ms, began_ms + _BEGUN * posts_ms
        held = Held(stream, token, posts_until_ms, False, writes_until_ms)
        lease_ms = _BEGUN * posts_ms + _ANSWERED_MS
        try:
            lane = self._leases.take_lane(stream, token, lease_ms, entries, users)
        except CacheDown:
            self.give_up(held, None)  # of several nodes, the one with the lease may have answered
            raise
        return (lane, replace(held, is_plain=lane.lease.plain)) if lane is not None else None

    def give_up(self, held: Held | None, at: int | None, delivered: int = 0) -> None:
        """Give up the lease, with the seq of the cursor; None if that is unknown.

        If this fails, the lease ends by itself.
        """
        if held is None:
            return
        plain = held.is_plain and at is not None
        try:
            self._leases.release_lease(held.stream, held.token, at, plain, delivered)
        except CacheDown:
            telemetry.log("WARNING", "lease_not_given_up", room_id=held.stream[0])
