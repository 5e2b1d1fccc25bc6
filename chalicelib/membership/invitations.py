"""Invitations to rooms: made where a user lets nobody add them, answered by that user.

An invitation is a decision in the consents table, so it replaces the one before and is merged over
regions. A job that is queued before it is written tells the invited user later, if the inviter
dies. A declined one is kept until it expires, and not made again meanwhile. What comes from users
whom the invited one has blocked is kept like all others, so that its sender sees no difference, but
not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..jobs.outbound import TellInvitation
from ..kernel.errors import Conflict, NotFound
from ..model import consents
from ..model.consents import Decided, Invitation, invitation_of, invitation_to
from ..model.identifiers import RoomId, UserId
from ..model.rooms import Room
from ..ports.friends import ConsentStore
from ..ports.queues import Queue
from ..ports.rooms import RoomStore
from ..ports.system import Clock
from .consent import Consent
from .invalidation import CHECK_AGAIN_S, CHECK_S

MAX_INVITED = 100  # users whom one request may invite
MAX_PENDING = 100  # invitations of one user
MAX_FROM_ONE = 20  # of which one user made so many
VALID_S = 30 * 86_400

Made = Mapping[str, Decided]  # a user's invitations, by what they are about


class Invitations:
    def __init__(
        self,
        store: ConsentStore,
        rooms: RoomStore,
        consent: Consent,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._consent = consent
        self._outbound = outbound
        self._clock = clock

    def check(
        self, inviter: UserId, room_id: RoomId | None, users: Sequence[UserId]
    ) -> dict[UserId, Made]:
        """Return the invitations of users who are about to be invited; writes nothing.

        Args:
            room_id: To which room; None for a new one.

        Raises:
            Conflict: They are too many, or one of them has too many.
        """
        if len(users) > MAX_INVITED:
            raise Conflict(
                f"participants: at most {MAX_INVITED} can be invited at once, of those who must"
                " agree first; invite the others afterwards"
            )
        return {user: self._room_for_more(inviter, user, room_id) for user in users}

    def invite(self, inviter: UserId, room_id: RoomId, made: Mapping[UserId, Made]) -> None:
        """Invite users to a room, except those who are invited or have declined. Idempotent.

        Args:
            made: What `check` returned.
        """
        about, now_ms = invitation_to(room_id), self._clock.now_ms()
        new = {
            user: known.get(about)
            for user, known in made.items()
            if about not in known or invitation_of(about, known[about], now_ms) is None
        }
        jobs = [
            TellInvitation(
                room_id=room_id,
                user_id=user,
                invited_by=inviter,
                at_ms=consents.after(known, now_ms),
                delay_s=CHECK_S,
            )
            for user, known in new.items()
        ]
        if not jobs:
            return
        self._outbound.send(jobs)
        for job in jobs:
            invitation = Invitation(room_id, inviter, job.at_ms)
            self._keep(job.user_id, invitation, job.at_ms // 1000 + VALID_S)
        self._outbound.send([replace(job, delay_s=0) for job in jobs])

    def pending(self, user_id: UserId) -> list[Invitation]:
        """Return a user's invitations that wait for an answer, the newest first.

        Not from whom the user has blocked, nor from who has blocked the user since.
        """
        found = [each for each in self._all(user_id) if not each.declined]
        blocked = {each.user_id for each in self._consent.blocks(user_id)} if found else set()
        blocked |= self._consent.blockers(user_id, {each.invited_by for each in found})
        shown = [each for each in found if each.invited_by not in blocked]
        return sorted(shown, key=lambda each: (-each.at_ms, each.room_id))

    def to_rooms(self, user_id: UserId) -> list[tuple[Invitation, Room]]:
        """Return `pending`, with the rooms, but for those of which the user is a member."""
        pending = self.pending(user_id)
        mine = set(self._rooms.rooms_of(user_id)) if pending else set()
        waiting = [each for each in pending if each.room_id not in mine]
        rooms = {r.room_id: r for r in self._rooms.get_many([each.room_id for each in waiting])}
        return [(each, rooms[each.room_id]) for each in waiting if each.room_id in rooms]

    def find(self, user_id: UserId, room_id: RoomId) -> Invitation | None:
        """Return the invitation of a user to a room, if it waits for an answer."""
        return next((each for each in self.pending(user_id) if each.room_id == room_id), None)

    def known(self, user_id: UserId, room_id: RoomId) -> bool:
        """Whether the user was ever invited to a room, as far back as that is kept."""
        return self._consent.decided(user_id, invitation_to(room_id)) is not None

    def settle(self, user_id: UserId, room_id: RoomId) -> None:
        """Forget an invitation: it was accepted or withdrawn. Idempotent.

        One that was declined stays, so that nobody makes it again by withdrawing it.
        """
        about, now_ms = invitation_to(room_id), self._clock.now_ms()
        known = self._consent.decided(user_id, about)
        found = invitation_of(about, known, now_ms) if known is not None else None
        if found is None or found.declined:
            return
        at_ms = consents.after(known, now_ms)
        self._store.put(user_id, about, Decided("", at_ms, now_ms // 1000 + VALID_S))

    def require(self, user_id: UserId, room_id: RoomId) -> Invitation:
        """Return the invitation of a user to a room that waits for an answer; else `NotFound`."""
        invitation = self.find(user_id, room_id)
        if invitation is None:
            raise NotFound("no invitation to this room waits for an answer")
        return invitation

    def decline(self, user_id: UserId, room_id: RoomId) -> None:
        """Decline; until the invitation would have expired, the room does not invite again.

        Raises:
            NotFound: No invitation of the user to this room waits for an answer.
        """
        invitation = self.require(user_id, room_id)
        at_ms = max(self._clock.now_ms(), invitation.at_ms + 1)
        expires_s = invitation.at_ms // 1000 + VALID_S
        self._keep(user_id, replace(invitation, at_ms=at_ms, declined=True), expires_s)

    def waiting(self, job: TellInvitation) -> bool:
        """Whether the invitation of a job waits for an answer, so that its user is told.

        One that has not been written is looked for again: its writer may be slow.
        """
        found = self.find(job.user_id, job.room_id)
        if found is not None:
            return found.at_ms == job.at_ms
        known = self._consent.decided(job.user_id, invitation_to(job.room_id))
        unwritten = known is None or known.at_ms < job.at_ms
        if unwritten and job.attempt < len(CHECK_AGAIN_S):
            delay_s = CHECK_AGAIN_S[job.attempt]
            self._outbound.send([replace(job, attempt=job.attempt + 1, delay_s=delay_s)])
        return False

    def replicated(self, user_id: UserId, room_id: RoomId) -> TellInvitation | None:
        """Return the job that tells of an invitation which another region has written."""
        found = self.find(user_id, room_id)
        if found is None:
            return None
        return TellInvitation(
            room_id=room_id, user_id=user_id, invited_by=found.invited_by, at_ms=found.at_ms
        )

    def _room_for_more(self, inviter: UserId, user_id: UserId, room_id: RoomId | None) -> Made:
        """Return a user's invitations; `Conflict` if there are as many as allowed.

        Declined ones count for their maker until they expire, so that nothing tells of them.
        """
        made = self._store.under(user_id, consents.INVITATION)
        now_ms = self._clock.now_ms()
        found = [invitation_of(about, each, now_ms) for about, each in made.items()]
        live = [each for each in found if each is not None]
        if any(each.room_id == room_id for each in live):
            return made
        pending = sum(not each.declined for each in live)
        mine = sum(each.invited_by == inviter for each in live)
        if pending >= MAX_PENDING or mine >= MAX_FROM_ONE:
            raise Conflict(f"{user_id}: has too many invitations that wait for an answer")
        return made

    def _all(self, user_id: UserId) -> list[Invitation]:
        made = self._store.under(user_id, consents.INVITATION)
        now_ms = self._clock.now_ms()
        found = [invitation_of(about, each, now_ms) for about, each in made.items()]
        return [each for each in found if each is not None]

    def _keep(self, user_id: UserId, invitation: Invitation, expires_s: int) -> None:
        decided = Decided(invitation.value, invitation.at_ms, expires_s)
        self._store.put(user_id, invitation_to(invitation.room_id), decided)
