"""The identity behind a request, and its charge to a rate limit."""

from __future__ import annotations

from dataclasses import dataclass

from .identifiers import UserId


@dataclass(frozen=True, slots=True)
class Address:
    """A network address that a request comes from.

    Attributes:
        shared: It is that of a proxy, which many clients share.
    """

    text: str
    shared: bool = False


@dataclass(frozen=True, slots=True)
class RoomRate:
    """How many messages a room takes, and each of its members' largest share: token buckets."""

    per_s: float
    burst: int
    member_per_s: float
    member_burst: int


MOST_OWED = 4


@dataclass(frozen=True, slots=True)
class Charge:
    """What a frame, a packet or a request takes from a token bucket.

    A charge that is refused, or made for a frame that is `invalid`, takes a token from the payer's
    bucket of refusals as well.

    Attributes:
        name: The bucket's action.
        now_ms: When, for the metrics. Buckets run on the cache's own clock.
        payer: The user whose bucket it is; None until the user is known, and for a session's.
        tokens: How many it takes, at most `burst`; more for what costs more.
        refusals_per_s: The rate of the bucket of refusals; `refusals_burst` is its size.
        invalid: The frame will be refused in any case.
        room: What an append to a room takes besides; None for no limit.
        owed: All of it is taken, and the bucket may then lack up to `MOST_OWED` times what it
            holds.
        refused_in_debt: What is owed is refused while the bucket lacks tokens already. Otherwise it
            was consumed already, and is taken in any case.
    """

    name: str
    per_s: float
    burst: int
    now_ms: int
    payer: UserId | None = None
    tokens: int = 1
    refusals_per_s: float = 1.0
    refusals_burst: int = 1
    invalid: bool = False
    room: RoomRate | None = None
    owed: bool = False
    refused_in_debt: bool = False


@dataclass(frozen=True, slots=True)
class Paid:
    """What became of a charge.

    Attributes:
        wait_ms: Milliseconds until the bucket has the tokens; 0 if it had them. Otherwise none
            were taken.
        exhausted: It was refused or invalid, and the payer's bucket of refusals is empty.
        revoked_ms: Until when the payer is revoked, as far as the cache knows; 0 if it knows of no
            revocation.
    """

    wait_ms: int = 0
    exhausted: bool = False
    revoked_ms: int = 0


PAID = Paid()


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified token.

    Attributes:
        expires_at_s: The token's `exp`, seconds since the epoch.
        roles: `service` and `admin` have a meaning; other roles are kept but not used.
        checked_ms: When the store said last that the user is not revoked; 0 if it was not asked.
    """

    user_id: UserId
    expires_at_s: int
    roles: tuple[str, ...] = ()
    checked_ms: int = 0
