"""Sending events that are in no log: post once, and retry connections that did not take them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..connections.views import RoomViews
from ..contract.events import Event
from ..jobs.outbound import LeaveRooms, RetryEvent
from ..kernel.errors import Unavailable
from ..model.connections import Target
from ..model.identifiers import RoomId, UserId
from ..ports.queues import Queue
from .fanout import RETRY_DELAYS_S, part_of, posts_for, retry_job, without
from .posting import TOO_MANY, Posting


class Telling:
    def __init__(
        self, posting: Posting, views: RoomViews, outbound: Queue, outbound_dead: Queue
    ) -> None:
        self._posting = posting
        self._views = views
        self._outbound = outbound
        self._outbound_dead = outbound_dead

    def tell(self, users: Iterable[UserId], event: Event, exclude: str | None = None) -> None:
        """Post to all devices of these users, except the one with the origin `exclude`."""
        self.tell_targets(without(self._posting.connected(users), exclude), event)

    def tell_targets(
        self, targets: Sequence[Target], event: Event, room_id: RoomId | None = None
    ) -> None:
        """Post to these connections, from the room's share of the region's posts."""
        self._post(targets, event, room_id, retry=True)

    def tell_room(
        self,
        room_id: RoomId,
        event: Event,
        exclude: str | None,
        retry: bool,
        part: int | None = None,
    ) -> None:
        """Post to the connections that have the room open; those that are gone leave it.

        Args:
            retry: Whether to retry a post that was not taken.
            part: Only to users in this part of a large room.
        """
        targets = without(self._views.audience(room_id), exclude)
        if part is not None:
            targets = [target for target in targets if part_of(target.user_id) == part]
        ended = self._post(targets, event, room_id, retry)
        if ended:
            self._outbound.send([LeaveRooms(target=each, rooms=(room_id,)) for each in ended])

    def _post(
        self, targets: Sequence[Target], event: Event, room_id: RoomId | None, retry: bool
    ) -> Sequence[Target]:
        """Post to these connections, and return those that are gone."""
        receipt = self._posting.post(posts_for(event, targets, room_id))
        if retry and receipt.left:
            self._outbound.send([retry_job(event, target, 0) for target in receipt.left])
        return receipt.ended

    def retry(self, job: RetryEvent) -> None:
        """Post to one connection again; after the last retry the job becomes a dead letter."""
        event, target, attempt = job.event, job.target, job.attempt
        receipt = self._posting.post(posts_for(event, [target]))
        if receipt.busy or receipt.unsent:
            raise Unavailable(TOO_MANY)
        if not receipt.retry:
            return
        if attempt + 1 < len(RETRY_DELAYS_S):
            self._outbound.send([retry_job(event, target, attempt + 1)])
        else:
            self._outbound_dead.send([retry_job(event, target, attempt)])
