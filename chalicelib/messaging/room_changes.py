"""What follows a change of membership: invalidate caches, close views, send `room_updated`.

A large room is told in parts, as its messages are, but in order groups of their own: neither the
room's messages nor those of its parts wait for the posts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..connections.registry import Connections
from ..connections.views import RoomViews
from ..contract.events import RoomInvitation, RoomUpdated, UserLeft
from ..jobs.delivery import AnnounceRoomChange, AnnounceToPart
from ..jobs.outbound import (
    BlockChanged,
    CheckRoomChange,
    InvalidateMembership,
    TellInvitation,
)
from ..kernel import ids, telemetry, times
from ..kernel.errors import CacheDown
from ..membership.changes import MembershipChanges
from ..membership.consent import Consent
from ..membership.invalidation import CHECK_AGAIN_S
from ..membership.invitations import Invitations
from ..membership.rooms import Rooms
from ..model.connections import Target
from ..model.identifiers import RoomId, UserId
from ..ports.queues import Queue
from ..ports.receipts import Claims
from .fanout import PARTS, part_of
from .posting import Posting
from .shares import Shares
from .telling import Telling

INVALIDATE_AGAIN_S = 15
INVITED_S = 86_400


def invited_claim(job: TellInvitation) -> str:
    """The claim of telling a user of an invitation."""
    return f"invited:{job.room_id}:{job.at_ms}:{job.user_id}"


class RoomChanges:
    def __init__(
        self,
        *,
        rooms: Rooms,
        changes: MembershipChanges,
        consent: Consent,
        invitations: Invitations,
        claims: Claims,
        connections: Connections,
        views: RoomViews,
        posting: Posting,
        telling: Telling,
        shares: Shares,
        delivery: Queue,
        outbound: Queue,
        split_over: int,
    ) -> None:
        self._rooms = rooms
        self._changes = changes
        self._consent = consent
        self._invitations = invitations
        self._claims = claims
        self._connections = connections
        self._views = views
        self._posting = posting
        self._telling = telling
        self._shares = shares
        self._delivery = delivery
        self._outbound = outbound
        self._split_over = split_over

    def check(self, job: CheckRoomChange) -> None:
        """Complete a change whose writer may have died, and invalidate again in any case.

        A change that has not been written is looked for again: its writer may be slow. Until then
        there is nothing to invalidate, and the room may even be somebody else's.
        """
        if self._changes.happened(job):
            self.invalidate([job.room_id], job.user_id)
            self._changes.announce(job)
        elif job.attempt < len(CHECK_AGAIN_S):
            delay_s = CHECK_AGAIN_S[job.attempt]
            self._outbound.send([replace(job, attempt=job.attempt + 1, delay_s=delay_s)])

    def announce(self, job: AnnounceRoomChange) -> None:
        """Invalidate caches, close a removed member's views, and send the change to all members.

        If more are connected than are posted to at once, a job for each part of the room sends it.
        """
        self.invalidate([job.room_id], job.user_id)
        targets = self._posting.connected(self._rooms.members(job.room_id))
        if len(targets) > self._split_over:
            self._delivery.send([_for_part(job, part) for part in range(PARTS)])
        else:
            self._tell(job, targets, None)

    def announce_to_part(self, job: AnnounceToPart) -> None:
        """Send a change to the members who are in a part of the room."""
        share = self._shares.of(job.room_id, job.part)
        self._tell(job, self._posting.connected(share.users), job.part)

    def block_changed(self, job: BlockChanged) -> None:
        """Complete a block, or its end, whose writer may have died."""
        self._consent.complete(job.user_id, job.other_id)
        self.invalidate([ids.private_room_id(job.user_id, job.other_id)])

    def invited(self, job: TellInvitation, attempt: int) -> None:
        """Tell a user of an invitation that waits for an answer, once.

        An earlier attempt may have claimed that and failed, so a later one tells in any case.
        """
        if not self._invitations.waiting(job):
            return
        try:
            if not self._claims.claim(invited_claim(job), INVITED_S) and attempt == 1:
                return
        except CacheDown:
            telemetry.log("WARNING", "invitation_not_claimed")  # a second event does no harm
        event = RoomInvitation(job.room_id, job.invited_by, times.iso(job.at_ms))
        self._telling.tell([job.user_id], event)

    def _tell(
        self, job: AnnounceRoomChange | AnnounceToPart, targets: list[Target], part: int | None
    ) -> None:
        room_id, user_id, at = job.room_id, job.user_id, times.iso(job.at_ms)
        if job.change == "member_removed":
            if part is None or part_of(user_id) == part:
                own = self._connections.all_of(user_id)
                targets = targets + [t for t in own if t not in targets]
            left = UserLeft(user_id, room_id, at)
            self._telling.tell_room(room_id, left, None, retry=False, part=part)
        self._telling.tell_targets(targets, RoomUpdated(room_id, job.change, user_id, at))

    def invalidate(self, rooms: Sequence[RoomId], user_id: UserId | None = None) -> None:
        """Invalidate the cached membership of rooms, and close a user's views where they left.

        While Redis is away, a job is queued that repeats this: Redis may return with old data.
        """
        try:
            for room_id in rooms:
                self._changes.changed(room_id)
        except CacheDown:
            telemetry.log("WARNING", "membership_bump_failed", rooms=len(rooms))
            again = InvalidateMembership(
                rooms=tuple(rooms), user_id=user_id, delay_s=INVALIDATE_AGAIN_S
            )
            self._outbound.send([again])
        for room_id in rooms:
            if user_id is not None and not self._rooms.among(user_id, [room_id]):
                for target in self._connections.all_of(user_id):
                    self._views.close(room_id, target)

    def invalidate_again(self, job: InvalidateMembership) -> None:
        """Run `invalidate` for a queued job."""
        self.invalidate(job.rooms, job.user_id)


def _for_part(job: AnnounceRoomChange, part: int) -> AnnounceToPart:
    return AnnounceToPart(
        room_id=job.room_id,
        change=job.change,
        user_id=job.user_id,
        at_ms=job.at_ms,
        part=part,
    )
