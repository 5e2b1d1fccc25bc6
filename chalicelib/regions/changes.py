"""The effect in this region of an item that another region wrote and that has been replicated.

A foreign change does here what a change of this region does beside its write: it invalidates
caches, ends views and connections, and sends events to the members who are connected here. Each
function reads what the stores hold now, so it may run twice, late, before other items of the same
change, or for an item that has changed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..access.revocations import Revocations
from ..connections.presence_jobs import PresenceJobs
from ..connections.whereabouts import Whereabouts
from ..contract.events import RoomUpdated
from ..jobs.foreign import ForeignChange
from ..jobs.outbound import BlockChanged
from ..kernel import ids, times
from ..membership.changes import MembershipChanges
from ..membership.friends import Friends
from ..membership.invitations import Invitations
from ..messaging.room_changes import RoomChanges
from ..messaging.telling import Telling
from ..model.consents import BLOCK, INVITATION
from ..model.identifiers import RoomId, UserId
from ..model.replication import Replicated


class ForeignChanges:
    def __init__(
        self,
        *,
        changes: MembershipChanges,
        invitations: Invitations,
        friends: Friends,
        revocations: Revocations,
        presence_jobs: PresenceJobs,
        room_changes: RoomChanges,
        telling: Telling,
        whereabouts: Whereabouts,
    ) -> None:
        self._changes = changes
        self._invitations = invitations
        self._friends = friends
        self._revocations = revocations
        self._presence_jobs = presence_jobs
        self._room_changes = room_changes
        self._telling = telling
        self._whereabouts = whereabouts
        self._kinds: Mapping[str, Callable[[Replicated], None]] = {
            "rooms": self._room,
            "memberships": self._membership,
            "friends": self._friendship,
            "consents": self._consent,
            "revocations": self._revocation,
            "presence": self._presence,
        }

    def apply(self, job: ForeignChange) -> None:
        """Do what `arrived` does, as a job."""
        self.arrived(Replicated(job.table, job.partition, job.sort))

    def arrived(self, item: Replicated) -> None:
        """Let an item of another region take effect here. Items of other tables have none.

        Raises:
            Unavailable: A store or a queue did not answer: call again.
        """
        kind = self._kinds.get(item.table)
        if kind is not None:
            kind(item)

    def _room(self, item: Replicated) -> None:
        if item.partition.startswith("#"):
            return  # the claim of an id
        room_id = RoomId(item.partition)
        self._room_changes.invalidate([room_id])
        self._changes.room_replicated(room_id)

    def _membership(self, item: Replicated) -> None:
        room_id = RoomId(item.partition)
        user_id, _ = ids.of_regional_key(item.sort)
        self._room_changes.invalidate([room_id], user_id)
        room = self._changes.member_replicated(room_id, user_id)
        if room is not None:
            at = times.iso(room.created_at_ms)
            event = RoomUpdated(room_id, "created", room.created_by, at)
            self._telling.tell([user_id], event)

    def _friendship(self, item: Replicated) -> None:
        user_id, (friend_id, _) = UserId(item.partition), ids.of_regional_key(item.sort)
        for owner, reader in ((user_id, friend_id), (friend_id, user_id)):
            self._room_changes.invalidate([ids.moments_room_id(owner)], reader)
        self._friends.replicated(user_id, friend_id)

    def _consent(self, item: Replicated) -> None:
        user_id, (about, _) = UserId(item.partition), ids.of_regional_key(item.sort)
        if about.startswith(BLOCK):
            other = UserId(about.removeprefix(BLOCK))
            self._room_changes.block_changed(BlockChanged(user_id=user_id, other_id=other))
        elif about.startswith(INVITATION):
            room_id = RoomId(about.removeprefix(INVITATION))
            job = self._invitations.replicated(user_id, room_id)
            if job is not None:
                self._room_changes.invited(job, attempt=1)

    def _revocation(self, item: Replicated) -> None:
        user_id, _ = ids.of_regional_key(item.partition)
        self._revocations.replicated(user_id)

    def _presence(self, item: Replicated) -> None:
        user_id = UserId(item.partition)
        self._whereabouts.changed(user_id)
        self._presence_jobs.settle([user_id])
