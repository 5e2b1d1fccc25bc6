"""Redis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ..model.access import Charge
from ..model.connections import Connection, Devices, Frame, Target
from ..model.delivery import Delivering
from ..model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ..model.log import Entry
from ..model.metrics import Traffic
from ..model.rooms import Role


class Cache(Protocol):
    """Redis: it holds no message and no right that is in no store. Every method is one round trip.

    What is lost with it, and what is rebuilt: docs/explanation/caches-and-redis.md.
    """

    def register(self, connection: Connection) -> bool:
        """Known from now on. True when it is the user's first connection here (atomic)."""

    def unregister(self, target: Target, now_ms: int) -> bool:
        """Forget it. True when it was the user's last connection here (atomic)."""

    def move(self, old: Target, new: Connection) -> None:
        """The same device under another id: who asks sees one of the two (atomic)."""

    def devices(self, user_id: UserId) -> Devices | None:
        """The user's connections here; None while cold.

        When the last one ended is known for 300 s.
        """

    def claim(self, name: str, seconds: int) -> bool:
        """True for the first who asks within so many seconds (atomic)."""

    def expect_acks(self, messages: Mapping[int, tuple[RoomId, MessageId]]) -> None:
        """Receivers are asked for an ack of these, by its number. Held for an hour."""

    def acked(self, ack_id: int) -> tuple[RoomId, MessageId] | None:
        """Which message a number stands for; None when nobody is asked (any more)."""

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        ticket_region: Region | None,
        charge: Charge | None = None,
    ) -> Frame:
        """What a frame needs, refreshing the connection's expiry; draws a ticket if a region."""

    def spend(self, charge: Charge) -> int:
        """Take a token of the payer's bucket (atomic); 0, or the milliseconds until there is one.

        A bucket holds `burst` tokens and gains `per_s` a second.
        """

    def return_ticket(self, room_id: RoomId, region: Region, ticket: int) -> None:
        """Nothing was written with it; void when later ones are out (atomic)."""

    def grant(self, connection_id: ConnectionId, room_id: RoomId, version: str, role: Role) -> None:
        """Remember on the connection that it was authorised under this membership version."""

    def set_ticket(self, room_id: RoomId, region: Region, seq: int) -> None:
        """The stream's head is at `seq`: the next ticket is seq + 1."""

    def refresh(self, targets: Sequence[Target]) -> list[Target]:
        """Extend the expiry of these connections' entries; answers those it did not hold."""

    def members(self, room_id: RoomId) -> tuple[str | None, dict[UserId, Role] | None]:
        """(version, members); members None when not cached."""

    def fill_members(
        self, room_id: RoomId, version: str | None, members: Mapping[UserId, Role]
    ) -> str | None:
        """Cache members read after `version` was; answers the version now in force.

        Stores nothing and answers None when the version changed in between.
        """

    def bump(self, room_id: RoomId) -> None:
        """Membership changed: a new version, cached members dropped, grants void."""

    def online(self, users: Sequence[UserId]) -> dict[UserId, list[Target]] | None:
        """Connections of those online (at most 1,000 users a call); None while cold."""

    def set_warm(self, warm: bool) -> None:
        """The registry is complete (or not): an absent user is offline (or unknown).

        Holds for 180 s: shorter than what it vouches for, longer than two sweeps.
        """

    def join(self, room_id: RoomId, target: Target) -> bool:
        """True when it is the user's first joined connection in the room (atomic)."""

    def leave(self, room_id: RoomId, target: Target) -> bool:
        """True when it was the user's last joined connection in the room (atomic)."""

    def joined(self, room_id: RoomId) -> list[Target] | None:
        """None when not cached (then `fill_joined`)."""

    def fill_joined(self, room_id: RoomId, targets: Iterable[Target]) -> None:
        """Merge targets read from the store."""

    def deliver(self, room_id: RoomId, entries: Sequence[Entry]) -> Delivering:
        """What a delivery of these entries of the room begins with; counts them.

        They go into `conversation:{id}:recent`, newest 50; an entry replaces itself.
        """

    def recent(self, room_ids: Sequence[RoomId]) -> dict[RoomId, list[Entry]]:
        """Cached newest entries, oldest first; may be incomplete: check seqs against the head."""

    def typing(self, room_id: RoomId, user_id: UserId, started_ms: int | None) -> None:
        """Remember (or with None forget) the newest typing_start."""

    def typing_since(self, room_id: RoomId, user_id: UserId) -> int | None: ...

    def lease_posts(self, wanted: int, rate_per_s: int, now_ms: int) -> int:
        """Take up to `wanted` from the shared token bucket of posts; answers how many."""

    def note_connections(self, count: int) -> None:
        """The sweep has seen so many in this region; held for 300 s."""

    def traffic(self, now_ms: int) -> Traffic:
        """What was counted; the messages counted so far are forgotten (atomic)."""

    def ping(self) -> None: ...
