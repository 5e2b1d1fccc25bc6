"""Presence: what a user's friends see of them, over all their devices.

The presence shown is a state in a store. A job updates it to match the user's connections. The job
can be repeated, overtaken or die halfway: the next one completes the update. A user's jobs share
an order group, so that one runs at a time and friends get the changes in order. A user who left is
shown as offline only after the grace time, so that friends do not see a reconnect.

Each region has its own item of a user and writes no other. What friends see is their merge, which
each region sends to the friends who are connected there. A region where the user is connected
takes over what they chose in another one, so that it holds as long as they are connected anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..connections.lifetime import GRACE_MS, check_presence
from ..connections.presence_jobs import PresenceJobs
from ..connections.registry import Connections
from ..contract.events import FriendStatusUpdate
from ..jobs.delivery import IntroduceFriend, SettlePresence
from ..jobs.outbound import FriendshipChanged
from ..kernel import ids, times
from ..kernel.errors import CacheDown, PermissionDenied, Unavailable
from ..membership.consent import Consent
from ..membership.friends import Friends
from ..membership.invalidation import CHECK_S
from ..membership.rooms import Rooms
from ..messaging.room_changes import RoomChanges
from ..messaging.telling import Telling
from ..model.connections import Devices
from ..model.identifiers import Region, UserId
from ..model.presence import Presence, Status, latest_choice, merged
from ..ports.connections import Registry
from ..ports.presence import PresenceStore
from ..ports.queues import Queue
from ..ports.system import Clock

MANY_FRIENDS = 1_000
COALESCE_S = 5
STOPPED_MS = 60_000  # a user's next job may run beside this one after 120 s


class Presences:
    def __init__(
        self,
        *,
        store: PresenceStore,
        connections: Connections,
        presence_jobs: PresenceJobs,
        friends: Friends,
        consent: Consent,
        rooms: Rooms,
        telling: Telling,
        room_changes: RoomChanges,
        registry: Registry,
        outbound: Queue,
        clock: Clock,
        region: Region,
        regions: tuple[Region, ...],
    ) -> None:
        self._store = store
        self._connections = connections
        self._presence_jobs = presence_jobs
        self._friends = friends
        self._consent = consent
        self._rooms = rooms
        self._telling = telling
        self._room_changes = room_changes
        self._registry = registry
        self._outbound = outbound
        self._clock = clock
        self._region = region
        self._regions = regions

    def choose(self, user_id: UserId, status: Status) -> None:
        """Show this status for the user until they go offline or choose another.

        With `offline` the user is invisible: connected, but shown as offline. A job that shows
        the status is queued first, in case this process dies after the write.
        """
        self._outbound.send([check_presence(user_id, CHECK_S * 1000)])
        latest = latest_choice(self._elsewhere(user_id))
        known_ms = latest.chosen_at_ms if latest is not None else 0
        at_ms = max(self._clock.now_ms(), known_ms + 1)
        self._store.choose(user_id, self._region, status, at_ms)
        self._presence_jobs.settle([user_id])

    def settle(self, job: SettlePresence) -> None:
        """Update a user's presence to match their connections, and send changes to their friends.

        It also follows a change in another region. If `job.due`, a change that was held back is
        sent now.
        """
        user_id, began_ms = job.user_id, self._clock.now_ms()
        shown = self._store.get(user_id, self._region)
        if job.due:
            self._connections.drop_ghosts(user_id)
        devices = self._devices(user_id)
        now_ms = self._clock.now_ms()
        left_ms = devices.left_ms or 0
        elsewhere = self._elsewhere(user_id)
        if devices.connected:
            shown = self._take_over_choice(shown, elsewhere)
            shown = self._show(shown, shown.chosen or Status.ONLINE, now_ms)
        elif now_ms - left_ms >= GRACE_MS:
            before, shown = shown, self._leave(shown, left_ms or now_ms)
            if shown is not before and self._devices(user_id).connected:
                self._presence_jobs.settle([user_id])  # they connected after they were looked for
                return
        elif shown.status is not Status.OFFLINE:
            self._outbound.send([check_presence(user_id, left_ms + GRACE_MS - now_ms)])
        seen = merged([shown, *elsewhere])
        if seen.status is not shown.announced:
            self._announce(seen, shown, due=job.due)
        if self._clock.now_ms() - began_ms >= STOPPED_MS:
            self._presence_jobs.settle([user_id])  # what was stored or sent may be outdated

    def befriended(self, job: FriendshipChanged) -> None:
        """Invalidate caches, and introduce the two if their friendship was written.

        It ends if the user has blocked the friend at the same time.
        """
        user_id, friend_id = job.user_id, job.friend_id
        self._consent.complete(user_id, friend_id)
        self._room_changes.invalidate([ids.moments_room_id(one) for one in (user_id, friend_id)])
        self._friends.introduce(user_id, friend_id)

    def introduce(self, job: IntroduceFriend) -> None:
        """Send a user's presence to a new friend.

        With one region, if it has changed since the friendship was written, its announcement
        reaches the friend.
        """
        one_region = len(self._regions) == 1
        changed = self._store.get(job.user_id, self._region).version > job.version
        if (one_region and changed) or not self._friends.are(job.user_id, job.friend_id):
            return
        [presence] = self.of([job.user_id])
        if presence.status is not Status.OFFLINE:
            self._telling.tell([job.friend_id], _event(presence))

    def visible(self, viewer: UserId, user_ids: Sequence[UserId]) -> list[Presence]:
        """Return the presence of these users, in the order given.

        Who has blocked the viewer is shown as somebody who was never connected.

        Raises:
            PermissionDenied: One of them is neither a friend nor in a room with the viewer.
        """
        known = {viewer, *self._friends.among(viewer, user_ids)}
        others = [user_id for user_id in user_ids if user_id not in known]
        blockers = self._consent.blockers(viewer, others) if others else set()
        rooms = set(self._rooms.rooms_of(viewer)) if others else set()
        for user_id in others:
            if rooms.isdisjoint(self._rooms.rooms_of(user_id)):
                raise PermissionDenied(
                    "user_id: you can see the presence only of friends and of members of your rooms"
                )
        found = self.of(user_ids)
        return [
            Presence(each.user_id, self._region) if each.user_id in blockers else each
            for each in found
        ]

    def of(self, user_ids: Sequence[UserId]) -> list[Presence]:
        """Return the presence of these users over all regions, in the order given."""
        held: dict[UserId, list[Presence]] = {user_id: [] for user_id in user_ids}
        for each in self._store.get_many(list(held), self._regions):
            held[each.user_id].append(each)
        unknown = Presence(UserId(""), self._region)
        return [merged(held[user] or [replace(unknown, user_id=user)]) for user in user_ids]

    def is_invisible(self, user_id: UserId) -> bool:
        """Whether a user has chosen to be shown as offline while they are connected."""
        latest = latest_choice(self._store.get_many([user_id], self._regions))
        return latest is not None and latest.chosen is Status.OFFLINE

    def _elsewhere(self, user_id: UserId) -> list[Presence]:
        """Return a user's presence in the other regions; with one region, no read."""
        others = [region for region in self._regions if region != self._region]
        return self._store.get_many([user_id], others) if others else []

    def _take_over_choice(self, shown: Presence, elsewhere: Sequence[Presence]) -> Presence:
        latest = latest_choice(elsewhere)
        if latest is None or latest.chosen is None or latest.chosen_at_ms <= shown.chosen_at_ms:
            return shown
        status, at_ms = latest.chosen, latest.chosen_at_ms
        self._store.choose(shown.user_id, self._region, status, at_ms)
        return replace(shown, chosen=status, chosen_at_ms=at_ms)

    def _devices(self, user_id: UserId) -> Devices:
        """Return a user's devices from the cache, or from the store if the cache has none.

        After an outage Redis is incomplete until the next sweep, so only the store can say that a
        user has no devices.
        """
        try:
            devices = self._registry.devices(user_id)
        except CacheDown:
            devices = None
        if devices is not None and devices.connected:
            return devices
        stored = self._connections.devices(user_id)
        left = [each.left_ms for each in (devices, stored) if each is not None and each.left_ms]
        return Devices(stored.connected, max(left, default=None))

    def _leave(self, shown: Presence, left_ms: int) -> Presence:
        """Show a user as offline, and forget the status that they chose."""
        if shown.status is Status.OFFLINE and shown.chosen is None:
            return shown
        seen = replace(shown, last_seen_ms=max(left_ms, shown.last_seen_ms))
        return self._show(seen, Status.OFFLINE, self._clock.now_ms(), reset=True)

    def _show(self, shown: Presence, status: Status, now_ms: int, reset: bool = False) -> Presence:
        if shown.status is status and not reset:
            return shown
        hiding = status is Status.OFFLINE and not reset
        changed = replace(
            shown,
            status=status,
            since_ms=max(now_ms, shown.since_ms + 1),
            last_seen_ms=now_ms if hiding else shown.last_seen_ms,
            version=shown.version + 1,
        )
        if not self._store.change(changed, reset):
            raise Unavailable("the presence was changed at the same time, try again")
        return changed

    def _announce(self, seen: Presence, shown: Presence, due: bool) -> None:
        """Send the presence over all regions to the friends who are connected in this one.

        For users with many friends, changes within 5 s are sent as one.
        """
        friends = self._friends.of(shown.user_id)
        if len(friends) > MANY_FRIENDS and not due:
            self._outbound.send([check_presence(shown.user_id, COALESCE_S * 1000)])
            return
        self._telling.tell(friends, _event(seen))
        self._store.announced(replace(shown, status=seen.status))


def _event(presence: Presence) -> FriendStatusUpdate:
    return FriendStatusUpdate(presence.user_id, presence.status, times.iso(presence.since_ms))
