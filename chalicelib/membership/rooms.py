"""Rooms and their members. Owns membership and permission; knows nothing of messages.

Membership is checked on every frame, so it is cached in Redis in two places: the members with the
room, and the latest *grant* with each connection. Both have the room's membership version. A
change of membership queues a job, writes DynamoDB and then a new version, which invalidates them
all. The job looks at the store some time later: it writes a new version again, and announces a
change whose writer died before it could.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..contract.commands import MAX_METADATA_BYTES, check_json
from ..jobs.delivery import AnnounceRoomChange, change_token
from ..jobs.outbound import CheckRoomChange, InvalidateMembership
from ..kernel import ids, telemetry
from ..kernel.errors import BadRequest, CacheDown, Conflict, NotFound, PermissionDenied
from ..model.access import Identity
from ..model.connections import FrameContext
from ..model.identifiers import RoomId, UserId
from ..model.rooms import Member, Role, Room, RoomType
from ..ports.membership import MembershipCache
from ..ports.queues import Queue
from ..ports.rooms import RoomStore
from ..ports.system import Clock, Ids
from .friends import Friends
from .invalidation import CHECK_S

_ANNOUNCED = (RoomType.PRIVATE_CHAT, RoomType.GROUP_CHAT)
_TAKEN = "room_id: already taken, choose another"


class Rooms:
    def __init__(
        self,
        store: RoomStore,
        friends: Friends,
        cache: MembershipCache,
        delivery: Queue,
        outbound: Queue,
        clock: Clock,
        ids_: Ids,
        *,
        max_rooms: int,
        max_members: int,
    ) -> None:
        self._store = store
        self._friends = friends
        self._cache = cache
        self._delivery = delivery
        self._outbound = outbound
        self._clock = clock
        self._ids = ids_
        self._max_rooms = max_rooms
        self._max_members = max_members

    def create(
        self,
        creator: UserId,
        room_type: RoomType,
        participants: Sequence[UserId],
        metadata: Mapping[str, Any],
        room_id: RoomId | None,
    ) -> Room:
        """Create a room. Two people have one private chat: creating it again returns it.

        Raises:
            BadRequest: The participants or room_id do not fit a private chat.
            Conflict: The room_id is taken, or a limit is reached.
            Unavailable: Also when the region that keeps chosen ids cannot be reached.
        """
        check_json(metadata, MAX_METADATA_BYTES, "metadata")
        others = sorted(set(participants) - {creator})
        if room_type is RoomType.PRIVATE_CHAT:
            if len(participants) != 1 + (creator in participants and len(participants) > 1):
                raise BadRequest("participants: a private chat has exactly one other person")
            if not others:
                raise Conflict("participants: name another user, a private chat needs two")
            if room_id is not None:
                raise BadRequest("room_id: a private chat's id cannot be chosen")
            room_id = ids.private_room_id(creator, others[0])
            existing = self._store.get(room_id)
            if existing is not None:
                return self._completed(existing, (creator, others[0]))
        elif room_id is not None and ids.room_type(room_id) is not RoomType.GROUP_CHAT:
            raise Conflict("room_id: ids that start like this are reserved, choose another")
        if len(others) >= self._max_members:
            raise Conflict(f"participants: a room has at most {self._max_members} members")
        self._check_rooms(creator)
        if room_type is RoomType.GROUP_CHAT and room_id and not self._store.claim(room_id, creator):
            raise Conflict(_TAKEN)
        now_ms = self._clock.now_ms()
        room = Room(
            room_id or RoomId(self._ids.token()), room_type, creator, now_ms, dict(metadata)
        )
        other_role = Role.OWNER if room_type is RoomType.PRIVATE_CHAT else Role.MEMBER
        members = [Member(room.room_id, creator, Role.OWNER, now_ms)]
        members += [Member(room.room_id, user, other_role, now_ms) for user in others]
        change = self._about_to_change(
            "created", room.room_id, creator, now_ms, announced=bool(others)
        )
        if not self._store.create(room, members):
            existing = self._store.get(room.room_id)
            if room_type is RoomType.PRIVATE_CHAT and existing is not None:
                return self._completed(existing, (creator, others[0]))
            raise Conflict(_TAKEN)
        self._invalidate(room.room_id)
        self.announce(change)
        return room

    def _completed(self, chat: Room, users: Sequence[UserId]) -> Room:
        """Return a private chat, of which another region's items may not all be here yet.

        A membership that is missing is written as the other region has written it.
        """
        known = {member.user_id for member in self._store.members(chat.room_id)}
        missing = [each for each in users if each not in known]
        for user_id in missing:
            self._store.add_member(Member(chat.room_id, user_id, Role.OWNER, chat.created_at_ms))
        if missing:
            self._invalidate(chat.room_id)
        return chat

    def mine(
        self, user_id: UserId, after: RoomId, limit: int | None
    ) -> tuple[list[tuple[Room, Role]], bool]:
        """Return a user's rooms with their roles, by id, and whether there is more.

        Those above `after`, up to `limit`; all of them for None.
        """
        ids_ = sorted(room for room in self._store.rooms_of(user_id) if room > after)
        page = ids_[:limit]
        roles = self._store.roles(user_id, page)
        rooms = [room for room in self._store.get_many(page) if room.room_id in roles]
        return [(room, roles[room.room_id]) for room in rooms], len(page) < len(ids_)

    def own(self, user_id: UserId, room_type: RoomType) -> RoomId:
        """Return the user's room of moments or of notifications; it is created at first use."""
        moments = room_type is RoomType.MOMENTS
        room_id = (ids.moments_room_id if moments else ids.notifications_room_id)(user_id)
        if self._store.get(room_id) is None:
            now_ms = self._clock.now_ms()
            role = Role.OWNER if moments else Role.READER
            member = Member(room_id, user_id, role, now_ms)
            self._outbound.send(
                [InvalidateMembership(rooms=(room_id,), user_id=None, delay_s=CHECK_S)]
            )
            if self._store.create(Room(room_id, room_type, user_id, now_ms), [member]):
                self._invalidate(room_id)
        return room_id

    def ids_of(self, user_id: UserId) -> list[RoomId]:
        """Return all rooms that the user reads: their own rooms and their friends' moments."""
        moments = (ids.moments_room_id(friend) for friend in self._friends.of(user_id))
        return [*self._store.rooms_of(user_id), *moments]

    def joined_since(self, user_id: UserId, at_ms: int) -> list[Member]:
        """Return the memberships that began since then (an index: eventually consistent)."""
        return self._store.joined_since(user_id, at_ms)

    def among(self, user_id: UserId, room_ids: Sequence[RoomId]) -> list[RoomId]:
        """Return those of these rooms that the user may read (consistent reads)."""
        roles = self._store.roles(user_id, room_ids)
        moments = [r for r in room_ids if r not in roles and ids.room_type(r) is RoomType.MOMENTS]
        mine = {*roles, *(room_id for room_id in moments if self._role(room_id, user_id))}
        return [room_id for room_id in room_ids if room_id in mine]

    def joined_ms(self, room_id: RoomId, user_id: UserId) -> int:
        """Return when a member joined (ms); 0 for a user who is not a member but may read."""
        member = self._store.member(room_id, user_id)
        return member.joined_at_ms if member is not None else 0

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        """Return the rooms that the user is a member of (an index: eventually consistent)."""
        return self._store.rooms_of(user_id)

    def details(self, identity: Identity, room_id: RoomId) -> tuple[Room, list[Member]]:
        """Return a room and its members, to its members and service admins."""
        if "admin" not in identity.roles:
            self.require(room_id, identity.user_id)
        return self._get(room_id), self._store.members(room_id)

    def require(self, room_id: RoomId, user_id: UserId) -> Role:
        """Return a member's role, read from the store; `PermissionDenied` for others."""
        role = self._role(room_id, user_id)
        if role is None:
            raise PermissionDenied("not a member of this room")
        return role

    @staticmethod
    def writer(role: Role) -> Role:
        """Return the role if it may write; `PermissionDenied` for a reader."""
        if not role.writes:
            raise PermissionDenied("you can read this room but not write to it")
        return role

    def authorise(self, frame: FrameContext, user_id: UserId, room_id: RoomId) -> Role:
        """Return the user's role: as the frame knows it, else from the store, and then granted."""
        if frame.role is not None:
            return frame.role
        role = self.require(room_id, user_id)
        if frame.connection is not None and frame.version is not None:
            connection_id = frame.connection.connection_id
            self._cache.grant(connection_id, room_id, frame.version, role)
        return role

    def members(self, room_id: RoomId) -> dict[UserId, Role]:
        """Return all members from the cache, or from the store, which then fills the cache."""
        try:
            version, cached = self._cache.members(room_id)
            if cached is not None:
                return cached
        except CacheDown:
            return self._stored_members(room_id)
        return self.fill(room_id, version)

    def fill(self, room_id: RoomId, version: str | None) -> dict[UserId, Role]:
        """Return all members from the store; cache them if `version` is still the current one."""
        members = self._stored_members(room_id)
        try:
            self._cache.fill_members(room_id, version, members)
        except CacheDown:
            telemetry.log("WARNING", "cache_fill_failed", room_id=room_id)
        return members

    def add(self, identity: Identity, room_id: RoomId, user_id: UserId) -> Member:
        """Add a member; an owner, an admin of the room or a service admin may. Idempotent."""
        room = self._managed(identity, room_id)
        if room.room_type is not RoomType.GROUP_CHAT:
            raise Conflict("members can be added only to a group chat")
        members = {member.user_id: member for member in self._store.members(room_id)}
        if user_id in members:
            self._invalidate(room_id)
            return members[user_id]
        if len(members) >= self._max_members:
            raise Conflict(f"the room is full: it has {self._max_members} members")
        self._check_rooms(user_id)
        member = Member(room_id, user_id, Role.MEMBER, self._clock.now_ms())
        change = self._about_to_change("member_added", room_id, user_id, member.joined_at_ms)
        added = self._store.add_member(member)
        self._invalidate(room_id)
        if added:
            self.announce(change)
            return member
        return self._store.member(room_id, user_id) or member

    def remove(self, identity: Identity, room_id: RoomId, user_id: UserId) -> None:
        """Remove a member: managers remove those below them, and members can remove themselves.

        Idempotent for managers. The owner cannot be removed: a room always has one.
        """
        if identity.user_id == user_id:
            self.require(room_id, user_id)
            room = self._get(room_id)
        else:
            room = self._managed(identity, room_id)
        if room.room_type is not RoomType.GROUP_CHAT:
            raise Conflict("members can leave or be removed only in a group chat")
        member = self._store.member(room_id, user_id)
        if member is None:
            self._invalidate(room_id)
            return
        self._check_removable(identity, room_id, member)
        change = self._about_to_change("member_removed", room_id, user_id, member.joined_at_ms)
        self._store.remove_member(room_id, user_id)
        self._invalidate(room_id)
        self.announce(change)

    def happened(self, change: CheckRoomChange) -> bool:
        """Whether a change has been written and still holds (consistent reads)."""
        if change.change == "created":
            room = self._store.get(change.room_id)
            made = (room.created_by, room.created_at_ms) if room is not None else None
            return made == (change.user_id, change.since_ms)
        member = self._store.member(change.room_id, change.user_id)
        there = member is not None and member.joined_at_ms == change.since_ms
        return there if change.change == "member_added" else not there

    def announce(self, change: CheckRoomChange) -> None:
        """Queue the announcement of a change that was written; SQS drops it the second time."""
        if not change.announced:
            return
        room_id, user_id = change.room_id, change.user_id
        job = AnnounceRoomChange(
            room_id=room_id,
            change=change.change,
            user_id=user_id,
            at_ms=change.at_ms,
            token=change_token(change.change, room_id, user_id, change.since_ms),
        )
        self._delivery.send([job])

    def changed(self, room_id: RoomId) -> None:
        """Invalidate the cached membership of a room.

        Raises:
            CacheDown: Redis is away, so the old membership may still be cached.
        """
        self._cache.bump(room_id)

    def room_replicated(self, room_id: RoomId) -> None:
        """Announce a room that another region created to its members in this one."""
        room = self._store.get(room_id)
        if room is not None and room.room_type in _ANNOUNCED:
            since_ms = room.created_at_ms
            self.announce(self._about_to_change("created", room_id, room.created_by, since_ms))

    def member_replicated(self, room_id: RoomId, user_id: UserId) -> Room | None:
        """Announce another region's change of a membership to the members in this one.

        Returns:
            The room, if the membership began with it: then the room is announced, and not the
            membership. But the user may not have been known at that time.
        """
        member = self._store.member(room_id, user_id)
        changed = member or self._store.removed(room_id, user_id)
        room = self._store.get(room_id) if ids.room_type(room_id) in _ANNOUNCED else None
        since_ms = changed.joined_at_ms if changed is not None else 0
        first = room is not None and member is not None and since_ms == room.created_at_ms
        change = self._about_to_change(
            "member_added" if member is not None else "member_removed",
            room_id,
            user_id,
            since_ms,
            announced=room is not None and changed is not None and not first,
        )
        self.announce(change)
        return room if first else None

    def _check_removable(self, identity: Identity, room_id: RoomId, member: Member) -> None:
        if member.role is Role.OWNER:
            raise PermissionDenied("the owner cannot leave or be removed")
        if member.role is Role.ADMIN and identity.user_id != member.user_id:
            mine = self._store.member(room_id, identity.user_id)
            owner = mine is not None and mine.role is Role.OWNER
            if not owner and "admin" not in identity.roles:
                raise PermissionDenied("only the owner can remove an admin")

    def _managed(self, identity: Identity, room_id: RoomId) -> Room:
        """Return a room to a manager; others are refused before it is known whether it exists."""
        if "admin" not in identity.roles and not self.require(room_id, identity.user_id).manages:
            raise PermissionDenied("only the owner or an admin of the room may do this")
        return self._get(room_id)

    def _check_rooms(self, user_id: UserId) -> None:
        if len(self._store.rooms_of(user_id)) >= self._max_rooms:
            raise Conflict(f"a user can be in at most {self._max_rooms} rooms")

    def _get(self, room_id: RoomId) -> Room:
        room = self._store.get(room_id)
        if room is None:
            raise NotFound("no such room")
        return room

    def _about_to_change(
        self,
        change: str,
        room_id: RoomId,
        user_id: UserId,
        since_ms: int,
        announced: bool = True,
    ) -> CheckRoomChange:
        """Queue the job that completes a change, before the change is written."""
        job = CheckRoomChange(
            room_id=room_id,
            change=change,
            user_id=user_id,
            since_ms=since_ms,
            at_ms=self._clock.now_ms(),
            announced=announced,
            delay_s=CHECK_S,
        )
        self._outbound.send([job])
        return job

    def _invalidate(self, room_id: RoomId) -> None:
        try:
            self._cache.bump(room_id)
        except CacheDown:
            # The jobs repeat this until the cache is back.
            telemetry.log("WARNING", "membership_bump_failed", room_id=room_id)

    def _role(self, room_id: RoomId, user_id: UserId) -> Role | None:
        """Return the role of a member, or of a friend who reads moments (consistent reads)."""
        member = self._store.member(room_id, user_id)
        if member is not None or ids.room_type(room_id) is not RoomType.MOMENTS:
            return member.role if member is not None else None
        room = self._store.get(room_id)
        # The same reads whether the room exists or not.
        owner = room.created_by if room is not None else user_id
        return Role.READER if self._friends.are(owner, user_id) else None

    def _stored_members(self, room_id: RoomId) -> dict[UserId, Role]:
        found = {member.user_id: member.role for member in self._store.members(room_id)}
        if ids.room_type(room_id) is RoomType.MOMENTS:
            friends = [friend for owner in found for friend in self._friends.of(owner)]
            found = {**dict.fromkeys(friends, Role.READER), **found}
        return found
