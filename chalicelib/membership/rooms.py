"""Rooms and their members. Owns membership and permission; knows nothing of messages.

Membership is checked on every frame, so it is cached in Redis in two places: the members with the
room, and the latest *grant* with each connection. Both have the room's membership version, which
each change replaces: see `changes`. Users who do not let the caller add them are invited instead:
see `consent` and `invitations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..contract.commands import MAX_METADATA_BYTES, check_json
from ..jobs.outbound import InvalidateMembership
from ..kernel import ids, telemetry
from ..kernel.errors import BadRequest, CacheDown, Conflict, NotFound, PermissionDenied
from ..model.access import Identity
from ..model.connections import FrameContext
from ..model.identifiers import RoomId, UserId
from ..model.rooms import Member, Role, Room, RoomType
from ..ports.membership import MembershipCache
from ..ports.queues import Queue
from ..ports.rooms import RoomStore
from ..ports.system import Clock, Ids, Parallel
from .changes import MembershipChanges
from .consent import Consent
from .friends import Friends
from .invalidation import CHECK_S
from .invitations import Invitations

_YOUNG_MS = 3_600_000  # a room whose memberships may not all be here yet
_TAKEN = "room_id: already taken, choose another"


class Rooms:
    def __init__(
        self,
        *,
        store: RoomStore,
        friends: Friends,
        consent: Consent,
        invitations: Invitations,
        changes: MembershipChanges,
        cache: MembershipCache,
        outbound: Queue,
        parallel: Parallel,
        clock: Clock,
        ids_: Ids,
        several: bool,
        max_rooms: int,
        max_members: int,
    ) -> None:
        self._store = store
        self._friends = friends
        self._consent = consent
        self._invitations = invitations
        self._changes = changes
        self._cache = cache
        self._outbound = outbound
        self._parallel = parallel
        self._clock = clock
        self._ids = ids_
        self._several = several
        self._max_rooms = max_rooms
        self._max_members = max_members

    def create(
        self,
        creator: UserId,
        room_type: RoomType,
        participants: Sequence[UserId],
        metadata: Mapping[str, Any],
        room_id: RoomId | None,
        *,
        may_add_all: bool = False,
    ) -> Room:
        """Create a room. Two people have one private chat: creating it again returns it.

        Participants who do not let the creator add them are invited.

        Args:
            may_add_all: The creator is a service admin, whom nobody's choice or block concerns.

        Raises:
            BadRequest: The participants or room_id do not fit a private chat.
            Conflict: The room_id is taken, a limit is reached, the creator has blocked somebody, or
                somebody is in too many rooms or has too many invitations.
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
                return self._completed(existing, creator, others[0], may_add_all)
        elif room_id is not None and ids.room_type(room_id) is not RoomType.GROUP_CHAT:
            raise Conflict("room_id: ids that start like this are reserved, choose another")
        if len(others) >= self._max_members:
            raise Conflict(f"participants: a room has at most {self._max_members} members")
        self._check_rooms(creator)
        added = others if may_add_all else self._consent.admitting(creator, others)
        self._parallel.run([partial(self._check_rooms, user) for user in added])
        asked = [user for user in others if user not in added]
        made = self._invitations.check(creator, room_id, asked)
        if room_type is RoomType.GROUP_CHAT and room_id and not self._store.claim(room_id, creator):
            raise Conflict(_TAKEN)
        now_ms = self._clock.now_ms()
        new_id = room_id or RoomId(self._ids.token())
        room = Room(new_id, room_type, creator, now_ms, dict(metadata))
        other_role = Role.OWNER if room_type is RoomType.PRIVATE_CHAT else Role.MEMBER
        members = [Member(room.room_id, creator, Role.OWNER, now_ms)]
        members += [Member(room.room_id, user, other_role, now_ms) for user in added]
        change = self._changes.about_to_change(
            "created", room.room_id, creator, now_ms, announced=bool(added)
        )
        if not self._store.create(room, members):
            existing = self._store.get(room.room_id)
            if room_type is RoomType.PRIVATE_CHAT and existing is not None:
                return self._completed(existing, creator, others[0], may_add_all)
            raise Conflict(_TAKEN)
        self._changes.written(room.room_id)
        self._changes.announce(change)
        self._invitations.invite(creator, room.room_id, made)
        return room

    def _completed(self, chat: Room, user_id: UserId, other: UserId, may_add_all: bool) -> Room:
        """Return a private chat that a user asks for, in which one of the two may be missing.

        Either they have not accepted their invitation, or their membership has been written by
        another region and is not here yet. Then it is written as there.
        """
        known = {member.user_id for member in self._store.members(chat.room_id)}
        if {user_id, other} <= known:
            return chat
        admitted = may_add_all or self._consent.admitting(user_id, [other])
        if user_id not in known:
            self._enter(chat, user_id)
        if other in known:
            return chat
        if admitted:
            self._enter(chat, other)
        else:
            made = self._invitations.check(user_id, chat.room_id, [other])
            self._invitations.invite(user_id, chat.room_id, made)
        return chat

    def accept(self, user_id: UserId, room_id: RoomId) -> Member:
        """Join a room that the user is invited to. Idempotent for members.

        Raises:
            NotFound: No invitation of the user to this room waits for an answer.
            Conflict: The room is full, or the user is in as many rooms as allowed.
        """
        member = self._store.member(room_id, user_id)
        if member is None:
            self._invitations.require(user_id, room_id)
            return self._enter(self._get(room_id), user_id)
        self._invitations.settle(user_id, room_id)
        return member

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
                self._changes.written(room_id)
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

    def began_at(self, room_id: RoomId, at_ms: int) -> bool:
        """Whether the room was created at this time (ms)."""
        return (room := self._store.get(room_id)) is not None and room.created_at_ms == at_ms

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

    def add(self, identity: Identity, room_id: RoomId, user_id: UserId) -> Member | None:
        """Add a member; an owner, an admin of the room or a service admin may. Idempotent.

        Returns:
            The member; None if the user does not let the caller add them and was invited.

        Raises:
            Conflict: It is no group, it is full, the caller has blocked the user, or the user is in
                too many rooms or has too many invitations.
        """
        room = self._managed(identity, room_id)
        if room.room_type is not RoomType.GROUP_CHAT:
            raise Conflict("members can be added only to a group chat")
        members = {member.user_id: member for member in self._store.members(room_id)}
        if user_id in members:
            self._changes.written(room_id)
            return members[user_id]
        self._check_members(len(members))
        if "admin" in identity.roles or self._consent.admitting(identity.user_id, [user_id]):
            return self._enter(room, user_id)
        made = self._invitations.check(identity.user_id, room_id, [user_id])
        self._invitations.invite(identity.user_id, room_id, made)
        return None

    def _enter(self, room: Room, user_id: UserId) -> Member:
        """Make a user a member of a room that exists, announce that, and settle an invitation."""
        room_id, role, at_ms = room.room_id, Role.MEMBER, self._clock.now_ms()
        announced = True
        if room.room_type is RoomType.PRIVATE_CHAT:
            role = Role.OWNER
            is_young = self._several and at_ms - room.created_at_ms < _YOUNG_MS
            if is_young and not self._invitations.known(user_id, room_id):
                # As another region wrote it, which has announced it.
                at_ms, announced = room.created_at_ms, False
        else:
            self._check_members(len(self._store.members(room_id)))
        self._check_rooms(user_id)
        member = Member(room_id, user_id, role, at_ms)
        change = self._changes.about_to_change("member_added", room_id, user_id, at_ms, announced)
        added = self._store.add_member(member)
        self._changes.written(room_id)
        self._invitations.settle(user_id, room_id)
        if added:
            self._changes.announce(change)
            return member
        return self._store.member(room_id, user_id) or member

    def remove(self, identity: Identity, room_id: RoomId, user_id: UserId) -> None:
        """Remove a member: managers remove those below them, and members can remove themselves.

        It also withdraws an invitation. Idempotent for managers. The owner cannot be removed: a
        room always has one.
        """
        if identity.user_id == user_id:
            self.require(room_id, user_id)
            room = self._get(room_id)
        else:
            room = self._managed(identity, room_id)
        if room.room_type is not RoomType.GROUP_CHAT:
            raise Conflict("members can leave or be removed only in a group chat")
        member = self._store.member(room_id, user_id)
        self._invitations.settle(user_id, room_id)
        if member is None:
            self._changes.written(room_id)
            return
        self._check_removable(identity, room_id, member)
        change = self._changes.about_to_change(
            "member_removed", room_id, user_id, member.joined_at_ms
        )
        self._store.remove_member(room_id, user_id)
        self._changes.written(room_id)
        self._changes.announce(change)

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

    def _check_members(self, count: int) -> None:
        if count >= self._max_members:
            raise Conflict(f"the room is full: it has {self._max_members} members")

    def _check_rooms(self, user_id: UserId) -> None:
        if len(self._store.rooms_of(user_id)) >= self._max_rooms:
            raise Conflict(f"{user_id}: a user can be in at most {self._max_rooms} rooms")

    def _get(self, room_id: RoomId) -> Room:
        room = self._store.get(room_id)
        if room is None:
            raise NotFound("no such room")
        return room

    def _role(self, room_id: RoomId, user_id: UserId) -> Role | None:
        """Return the role of a member, or of a friend who reads moments (consistent reads)."""
        if ids.room_type(room_id) is RoomType.PRIVATE_CHAT:
            members = self._store.members(room_id)
            is_in = any(member.user_id == user_id for member in members)
            return self._consent.roles_in_chat(members)[user_id] if is_in else None
        member = self._store.member(room_id, user_id)
        if member is not None or ids.room_type(room_id) is not RoomType.MOMENTS:
            return member.role if member is not None else None
        room = self._store.get(room_id)
        owner = room.created_by if room is not None else user_id  # the same reads in any case
        return Role.READER if self._friends.are(owner, user_id) else None

    def _stored_members(self, room_id: RoomId) -> dict[UserId, Role]:
        members = self._store.members(room_id)
        if ids.room_type(room_id) is RoomType.PRIVATE_CHAT:
            return self._consent.roles_in_chat(members)
        found = {member.user_id: member.role for member in members}
        if ids.room_type(room_id) is not RoomType.MOMENTS:
            return found
        friends = [friend for owner in found for friend in self._friends.of(owner)]
        return {**dict.fromkeys(friends, Role.READER), **found}
