"""The identity behind a request, and its charge to a rate limit."""

from __future__ import annotations

from dataclasses import dataclass

from .identifiers import UserId


@dataclass(frozen=True, slots=True)
class Charge:
    """One token that a frame or a request takes from a bucket.

    Attributes:
        name: The bucket's action.
        now_ms: When, for the metrics. Buckets run on the cache's own clock.
        payer: The user whose bucket it is; None for a bucket of the connection itself (the user
            is not known before the connection is read).
    """

    name: str
    per_s: float
    burst: int
    now_ms: int
    payer: UserId | None = None


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
