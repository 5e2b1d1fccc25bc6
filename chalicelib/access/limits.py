"""Rate limits: who pays for what, before it costs. Token buckets in Redis.

Each frame, connect and HTTP request takes tokens from a bucket of its user, for its action; what
costs more takes more. A frame is charged in the round trip to Redis that it makes anyway. A packet
of an Engine.IO session that is no action takes them from a bucket of the session, as its user may
not be known.

What comes without a valid token is charged to the network that it comes from: see `addresses`.

A refused or invalid frame takes a token from the user's bucket of refusals, too. When that is
empty, the connection is closed.

A message pays by its size, and before it is stored for its posts, which jobs make later: a large
one to a large room may owe most of that.

What a request reads or writes beyond `consumption.FREE_READS` and `FREE_WRITES` is owed: it is
taken from the bucket afterwards, which may then lack tokens for a while.

What appends to a room is charged to the room's rate as well, and to the member's share of it: one
member alone cannot use the rate up. While Redis is away there is no limit; the metric
`limits_open` counts that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NoReturn

from ..kernel import consumption, telemetry
from ..kernel.errors import (
    CacheDown,
    RateLimited,
    RefusedTooOften,
    TidingsError,
    TokenFault,
    Unauthorized,
)
from ..kernel.settings import Settings
from ..model.access import Address, Charge, Paid, RoomRate
from ..model.identifiers import RoomId, UserId
from ..model.lines import Turn
from ..ports.access import Buckets
from ..ports.lines import RoomBuckets
from ..ports.system import Clock
from .addresses import network_of

_APPENDS = ("send_message", "delete_message")  # one of them may commit those of others, too
OTHERS, CONNECT, PACKET, ADDRESS, REFUSED = "*", "connect", "packet", "address", "refused"
HANDSHAKE = "handshake"  # of a session: what it has paid for a CONNECT

# A client with such a token gets a new one when it hears so, which `rate_limited` would not tell.
# They are said only of tokens whose signature holds.
_SIGNED = (
    TokenFault.MISSING_CLAIM,
    TokenFault.BAD_CLAIM,
    TokenFault.WRONG_ISSUER,
    TokenFault.WRONG_AUDIENCE,
    TokenFault.EXPIRED,
    TokenFault.NOT_YET_VALID,
    TokenFault.TOO_LONG,
    TokenFault.USER_ID,
)


class Limits:
    def __init__(
        self, settings: Settings, buckets: Buckets, rooms: RoomBuckets, clock: Clock
    ) -> None:
        self._rates = settings.limits
        self._room = RoomRate(
            per_s=settings.room_rate.per_s,
            burst=settings.room_rate.burst,
            member_per_s=settings.room_rate.per_s * settings.room_share,
            member_burst=max(1, int(settings.room_rate.burst * settings.room_share)),
        )
        self._buckets = buckets
        self._rooms = rooms
        self._clock = clock

    def charge(self, action: str, tokens: int = 1, *, invalid: bool = False) -> Charge:
        """Return the charge for an action: to its own bucket, or to the one for all others."""
        name = action if action in self._rates else OTHERS
        rate, refusals = self._rates[name], self._rates[REFUSED]
        return Charge(
            name,
            rate.per_s,
            rate.burst,
            self._clock.now_ms(),
            tokens=tokens,
            refusals_per_s=refusals.per_s,
            refusals_burst=refusals.burst,
            invalid=invalid,
        )

    def charge_once(self, name: str, seconds: int) -> Charge:
        """Return a charge that only the first one within these seconds can pay."""
        return replace(self.charge(OTHERS), name=name, per_s=1 / seconds, burst=1)

    def charge_action(self, action: str, tokens: int) -> Charge:
        """Return the charge for a frame: what appends to a room is charged to its rate, too."""
        return replace(self.charge(action, tokens), room=self._room)

    def spend(self, user_id: UserId, action: str, tokens: int = 1) -> None:
        """Charge a connect or an HTTP request; `RateLimited` when the bucket is empty."""
        if tokens:
            self._spend(replace(self.charge(action, tokens), payer=user_id))

    def spend_for_posts(self, user_id: UserId, tokens: int) -> None:
        """Charge the posts of a message: they are owed, by a sender who owes nothing yet."""
        charge = self.charge("send_message", tokens)
        self._spend(replace(charge, payer=user_id, owed=True, refused_in_debt=True))

    def _spend(self, charge: Charge) -> None:
        try:
            paid = self._buckets.spend(charge)
        except CacheDown:
            telemetry.measure("limits_open", charge.now_ms, limits_open=1)
            return
        self.check(Paid(paid.wait_ms))

    @contextmanager
    def metered(self, user_id: UserId | None, action: str) -> Iterator[None]:
        """Charge what is read and written inside, if it is much; what appends pays by the room.

        Args:
            user_id: Who pays; None for nobody.
        """
        with consumption.counted() as consumed:
            try:
                yield
            finally:
                if consumed.owed and user_id is not None and action not in _APPENDS:
                    self._owe(replace(self.charge(action, consumed.owed), payer=user_id, owed=True))

    def _owe(self, charge: Charge) -> None:
        try:
            self._buckets.spend(charge)
        except CacheDown:
            telemetry.measure("limits_open", charge.now_ms, limits_open=1)

    def spend_unknown(self, address: Address) -> None:
        """Charge what comes without a valid token to its network; `RateLimited` if it has none."""
        network = network_of(address)
        if not network:
            return
        charge = self.charge(ADDRESS)
        try:
            paid = self._buckets.spend_for_address(network, charge)
        except CacheDown:
            telemetry.measure("limits_open", charge.now_ms, limits_open=1)
            return
        self.check(Paid(paid.wait_ms))

    def charged(self, refusal: TidingsError, address: Address) -> TidingsError:
        """Charge a request that is refused without a valid token; return how it is refused."""
        if isinstance(refusal, Unauthorized):
            try:
                self.spend_unknown(address)
            except RateLimited as limited:
                return refusal if refusal.reason in _SIGNED else limited
        return refusal

    def spend_room(self, user_id: UserId, room_id: RoomId, action: str, tokens: int = 1) -> None:
        """Charge a member's HTTP request to the room that it appends to.

        `spend` has taken one of its tokens before.
        """
        self.spend(user_id, action, tokens - 1)
        charge = replace(self.charge_action(action, 1), payer=user_id)
        try:
            self._check_room(self._rooms.spend_room(room_id, charge))
        except CacheDown:
            telemetry.log("WARNING", "room_not_charged", room_id=room_id)

    def check(self, paid: Paid) -> None:
        """Raise `RateLimited` when there is a wait.

        Raises:
            RefusedTooOften: Too much of this payer was refused: end the connection.
        """
        if paid.exhausted:
            self._end()
        if paid.wait_ms:
            telemetry.measure("rate_limited", self._clock.now_ms(), rate_limited=1)
            raise RateLimited(
                f"too many requests of this kind, try again in {paid.wait_ms} ms", paid.wait_ms
            )

    def check_packet(self, paid: Paid) -> None:
        """Raise `RefusedTooOften` when a session has paid with its last token.

        A packet that is no action cannot be refused: most have no answer.
        """
        if paid.wait_ms:
            self._end()

    def check_room(self, turn: Turn | None) -> None:
        """Raise `RateLimited` when the room's rate, or the member's share of it, is used up."""
        self._check_room(turn.wait_ms if turn is not None else 0)

    def _end(self) -> NoReturn:
        telemetry.log("INFO", "refused_too_often")
        telemetry.measure("rate_limited", self._clock.now_ms(), rate_limited=1)
        raise RefusedTooOften("too many refused requests; connect again later")

    def _check_room(self, wait_ms: int) -> None:
        if wait_ms:
            telemetry.measure("rate_limited", self._clock.now_ms(), rate_limited=1)
            raise RateLimited(f"too many messages in this room, try again in {wait_ms} ms", wait_ms)
