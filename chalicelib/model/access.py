"""The identity behind a request, and its charge to a rate limit."""

from __future__ import annotations

from dataclasses import dataclass

from .identifiers import ConnectionId, UserId


@dataclass(frozen=True, slots=True)
class RoomRate:
    """How many messages a room takes, and each of its members' largest share: token buckets."""

    per_s: float
    burst: int
    member_per_s: float
    member_burst: int


@dataclass(frozen=True, slots=True)
class Charge:
    """One token that a frame or a request takes from a bucket.

    Attributes:
        name: The bucket's action.
        now_ms: When, for the metrics. Buckets run on the cache's own clock.
        payer: The user whose bucket it is; None for a bucket of the connection itself (the user
            is not known before the connection is read).
        room: What an append to a room takes besides; None for no limit.
    """

    name: str
    per_s: float
    burst: int
    now_ms: int
    payer: UserId | None = None
    room: RoomRate | None = None

    def shared_by(self, connection_id: ConnectionId) -> str:
        """The bucket of the member's share: the payer's, or the connection's own."""
        return self.payer or connection_id


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified token.

    Attributes:
        expires_at_s: The token's `exp`, seconds since the epoch.
        roles: `service` and `admin` have a meaning; other roles are kept but not used.
    """

    user_id: UserId
    expires_at_s: int
    roles: tuple[str, ...] = ()
