"""The twin of the leases of deliveries: see `ports.DeliveryLeases`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from ...model.connections import Online
from ...model.delivery import Lane, Lease
from ...model.identifiers import RoomId, Stream, UserId
from ...model.log import Entry
from ...ports.system import Clock

_KEPT_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class _Holder:
    """The lease of a stream; `at` and `plain` are what its last holder left."""

    token: str
    until_ms: int
    lease: Lease


class MemoryLeases(Protocol):
    """A part of `MemoryCache`, which holds the state."""

    _clock: Clock

    def take_lease(self, stream: Stream, token: str, lease_ms: int) -> Lease | int:
        with self._call():
            return self._take(stream, token, lease_ms)

    def take_lane(
        self,
        stream: Stream,
        token: str,
        lease_ms: int,
        entries: Sequence[Entry],
        users: Sequence[UserId],
    ) -> Lane | None:
        with self._call():
            self._cache_recent(stream[0], entries)
            held: _Holder | None = self._get(_key(stream))
            before = entries[0].seq - 1
            if held is not None and held.lease.at not in (None, before):
                return None
            if self._get(f"room:{stream[0]}:line:{stream[1]}"):
                return None
            lease = self._take(stream, token, lease_ms)
            if isinstance(lease, int):
                return None
            version: str | None = self._get(f"room:{stream[0]}:version")
        return Lane(lease, version, self.online(users, trips=0))

    def release_lease(
        self, stream: Stream, token: str, at: int | None, plain: bool, delivered: int = 0
    ) -> None:
        with self._call():
            held: _Holder | None = self._get(_key(stream))
            if held is not None and held.token == token:
                left = _Holder("", 0, Lease(held.lease.fence, at, plain))
                self._put(_key(stream), left, _KEPT_MS)
            self._count(delivered)

    def _take(self, stream: Stream, token: str, lease_ms: int) -> Lease | int:
        held: _Holder | None = self._get(_key(stream))
        now_ms = self._clock.now_ms()
        last = held.lease if held is not None else Lease(0)
        if held is not None and held.token not in ("", token) and held.until_ms > now_ms:
            return held.until_ms - now_ms
        lease = Lease(max(last.fence + 1, now_ms * 1000), last.at, last.plain)
        # A holder that dies leaves nothing: the cursor may have moved.
        unknown = Lease(lease.fence)
        self._put(_key(stream), _Holder(token, now_ms + lease_ms, unknown), _KEPT_MS)
        return lease

    def online(self, users: Sequence[UserId], trips: int = 1) -> Online: ...
    def _call(self, trips: int = 1) -> AbstractContextManager[None]: ...
    def _get(self, key: str) -> Any: ...
    def _put(self, key: str, value: Any, ttl_ms: int) -> None: ...
    def _cache_recent(self, room_id: RoomId, entries: Sequence[Entry]) -> None: ...
    def _count(self, delivered: int) -> None: ...


def _key(stream: Stream) -> str:
    return f"room:{stream[0]}:deliver:{stream[1]}"
