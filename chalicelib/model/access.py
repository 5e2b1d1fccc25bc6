"""Who asks, and what a frame or a request pays."""

from __future__ import annotations

from dataclasses import dataclass

from .identifiers import UserId


@dataclass(frozen=True, slots=True)
class Charge:
    """One token of a bucket, to be taken with a frame or a request.

    Attributes:
        name: The action it is for.
        payer: Whose bucket; None takes it from one of the connection's own (the user is not
            known before its entry is read).
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
        expires_at_s: Its `exp`, seconds since the epoch.
        roles: Of `service`, `admin`; others are kept but mean nothing.
    """

    user_id: UserId
    expires_at_s: int
    roles: tuple[str, ...] = ()
