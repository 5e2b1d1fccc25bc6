"""Consent: who may add a user to rooms, and whom a user has blocked. Owns the consents table.

Whom a user has blocked cannot add them to rooms, befriend them, write to them in their private
chat, or see their presence and receipts. Nothing tells them: what they ask of that user is answered
as if the user lets nobody add them, and was never connected. The private chat of the two is
read-only for both; that is part of its membership, which is cached, so no message pays for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..jobs.outbound import BlockChanged
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Conflict
from ..model import consents
from ..model.consents import ADDED_BY, AddedBy, Block, Decided, block_of
from ..model.friends import Friend
from ..model.identifiers import UserId
from ..model.rooms import Member, Role
from ..ports.friends import ConsentStore
from ..ports.membership import MembershipCache
from ..ports.queues import Queue
from ..ports.system import Clock
from .friends import Friends
from .invalidation import CHECK_S

MAX_BLOCKS = 1_000


class Consent:
    def __init__(
        self,
        store: ConsentStore,
        friends: Friends,
        cache: MembershipCache,
        outbound: Queue,
        clock: Clock,
        default: AddedBy,
    ) -> None:
        self._store = store
        self._friends = friends
        self._cache = cache
        self._outbound = outbound
        self._clock = clock
        self._default = default

    def decided(self, user_id: UserId, about: str) -> Decided | None:
        """Return what a user decided about one thing: see `model.consents`."""
        return self._store.get([(user_id, about)]).get((user_id, about))

    def added_by(self, user_id: UserId) -> AddedBy:
        """Return who may add a user to rooms: as the user chose, else as the deployment says."""
        return self._allowed(self.decided(user_id, ADDED_BY))

    def choose(self, user_id: UserId, added_by: AddedBy | None) -> AddedBy:
        """Choose who may add the user to rooms from now on; None for the deployment's default."""
        known = self.decided(user_id, ADDED_BY)
        at_ms = consents.after(known, self._clock.now_ms())
        chosen = Decided(added_by or "", at_ms)
        self._store.put(user_id, ADDED_BY, chosen)
        return self._allowed(chosen)

    def admitting(self, actor: UserId, users: Sequence[UserId]) -> list[UserId]:
        """Return those of `users` whom `actor` may add to rooms without asking them.

        Raises:
            Conflict: The actor has blocked one of them.
        """
        mine = self.blocked_by(actor, users)
        if mine:
            raise Conflict(f"{sorted(mine)[0]}: you have blocked this user, unblock them first")
        asked = [(user, about) for user in users for about in (ADDED_BY, block_of(actor))]
        found = self._store.get(asked)
        chosen = {user: self._allowed(found.get((user, ADDED_BY))) for user in users}
        blocked = {user for user in users if _holds(found.get((user, block_of(actor))))}
        only_friends = [user for user in users if chosen[user] is AddedBy.FRIENDS]
        friends = self._friends.among(actor, only_friends) if only_friends else set()
        return [
            user
            for user in users
            if user not in blocked
            and chosen[user] is not AddedBy.INVITATION
            and (chosen[user] is AddedBy.EVERYBODY or user in friends)
        ]

    def befriend(self, user_id: UserId, friend_id: UserId) -> Friend:
        """Ask for a friendship, or accept one: `Friends.put`.

        Raises:
            Conflict: Also when the user has blocked the other one.
        """
        if self.blocked_by(user_id, [friend_id]):
            raise Conflict("user_id: you have blocked this user, unblock them first")
        return self._friends.put(user_id, friend_id)

    def friends(
        self, user_id: UserId, after: UserId, limit: int | None
    ) -> tuple[list[Friend], UserId | None]:
        """Return `Friends.page`, without the requests of users whom this one has blocked."""
        return self._friends.page(
            user_id, after, limit, lambda: {each.user_id for each in self.blocks(user_id)}
        )

    def block(self, user_id: UserId, other: UserId) -> Block:
        """Block a user, and end the friendship with them. Idempotent.

        Raises:
            Conflict: The user has blocked as many as allowed, or named themselves.
        """
        if user_id == other:
            raise Conflict("user_id: you cannot block yourself")
        blocks = self._store.under(user_id, consents.BLOCK)
        known = blocks.get(block_of(other))
        if known is None or not known.value:
            held = sum(_holds(each) for each in blocks.values())
            # Those that were taken back are kept, as another region may not know that yet.
            if held >= MAX_BLOCKS or (known is None and len(blocks) >= 2 * MAX_BLOCKS):
                raise Conflict(f"a user can block at most {MAX_BLOCKS} others")
            known = self._decide(user_id, other, "blocked", known)
        self._friends.remove(user_id, other)
        self._changed(user_id, other)
        return Block(other, known.at_ms)

    def unblock(self, user_id: UserId, other: UserId) -> None:
        """Take a block back; the friendship does not return. Idempotent."""
        known = self.decided(user_id, block_of(other))
        if _holds(known):
            self._decide(user_id, other, "", known)
        self._changed(user_id, other)

    def blocks(self, user_id: UserId) -> list[Block]:
        """Return whom a user has blocked, by user id."""
        found = self._store.under(user_id, consents.BLOCK)
        blocked = [
            Block(UserId(about.removeprefix(consents.BLOCK)), decided.at_ms)
            for about, decided in found.items()
            if decided.value
        ]
        return sorted(blocked, key=lambda each: each.user_id)

    def blockers(self, user_id: UserId, others: Collection[UserId]) -> set[UserId]:
        """Return those of `others` who have blocked this user."""
        found = self._store.get([(other, block_of(user_id)) for other in others])
        return {other for (other, _), decided in found.items() if decided.value}

    def blocked_by(self, user_id: UserId, others: Collection[UserId]) -> set[UserId]:
        """Return those of `others` whom this user has blocked."""
        found = self._store.get([(user_id, block_of(other)) for other in others])
        return {other for other in others if _holds(found.get((user_id, block_of(other))))}

    def roles_in_chat(self, members: Sequence[Member]) -> dict[UserId, Role]:
        """Return the roles in a private chat: both only read while one blocks the other."""
        found = {member.user_id: member.role for member in members}
        if len(found) < 2:
            return found
        one, other = found
        pairs = [(one, block_of(other)), (other, block_of(one))]
        if any(_holds(each) for each in self._store.get(pairs).values()):
            return dict.fromkeys(found, Role.READER)
        return found

    def complete(self, user_id: UserId, other: UserId) -> None:
        """End the friendship with a user who is blocked: whoever blocked them may have died."""
        if self.blocked_by(user_id, [other]) and self._friends.has_put(user_id, other):
            self._friends.remove(user_id, other)

    def _decide(self, user_id: UserId, other: UserId, value: str, known: Decided | None) -> Decided:
        job = BlockChanged(user_id=user_id, other_id=other, delay_s=CHECK_S)
        self._outbound.send([job])
        decided = Decided(value, consents.after(known, self._clock.now_ms()))
        self._store.put(user_id, block_of(other), decided)
        return decided

    def _changed(self, user_id: UserId, other: UserId) -> None:
        try:
            self._cache.bump(ids.private_room_id(user_id, other))
        except CacheDown:
            # The job repeats this until the cache is back.
            telemetry.log("WARNING", "membership_bump_failed")

    def _allowed(self, decided: Decided | None) -> AddedBy:
        return AddedBy(decided.value) if decided is not None and decided.value else self._default


def _holds(decided: Decided | None) -> bool:
    return decided is not None and decided.value != ""
