"""Rooms and memberships.

With one region, a membership is the shared item or none. With several, a region may have decided
on it in an item of its own: `model.decisions`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ...kernel import nesting
from ...kernel.errors import Unavailable
from ...kernel.ids import of_regional_key, regional_key
from ...model.decisions import Decision, addition, merged, removal, removed
from ...model.identifiers import Region, RoomId, UserId
from ...model.rooms import Member, Role, Room, RoomType, weakness
from ...model.slices import Slice
from ..aws.errors import TransactionCancelled, unavailable
from . import decisions
from .keys import claim_key
from .table import (
    CONFLICT,
    FAILED,
    Item,
    Table,
    cancelled,
    integer,
    n,
    s,
    text,
    to_json,
    written_by,
)

_TRANSACTION_ITEMS, _CREATE_TRIES = 100, 3

Held = list[Decision[Member]]


class DynamoRoomStore:
    def __init__(
        self,
        client: Any,
        prefix: str,
        regions: Sequence[Region],
        home: Callable[[], Any] | None = None,
    ) -> None:
        """Open the store.

        Args:
            regions: All of the deployment, its own first.
            home: The client of the region whose table keeps the claims of all; None for `client`.
        """
        self._rooms = Table(client, f"{prefix}-rooms")
        self._members = Table(client, f"{prefix}-memberships")
        self._region = regions[0]
        self._several = len(regions) > 1
        self._writers: tuple[Region | None, ...] = (None, *(regions if self._several else ()))
        self._by = written_by(regions)
        self._home = home or (lambda: client)

    def claim(self, room_id: RoomId, creator: UserId) -> bool:
        if not self._several:
            return True
        return Table(self._home(), self._rooms.name).put(
            {
                "room_id": s(claim_key(room_id)),
                "created_by": s(creator),
                "claimed_in": s(self._region),
            },
            ConditionExpression="attribute_not_exists(room_id)"
            " OR (created_by = :creator AND claimed_in = :region)",
            ExpressionAttributeValues={":creator": s(creator), ":region": s(self._region)},
        )

    def create(self, room: Room, members: Sequence[Member]) -> bool:
        """Create a room; up to 99 members fit into one transaction.

        A larger room is pending, and treated as not existing, until its other members are
        written. If that fails, its creator may create it again.
        """
        items = {member.user_id: {**_member_item(member), **self._by} for member in members}
        first = list(items.values())[: _TRANSACTION_ITEMS - 1]
        later = list(items.values())[_TRANSACTION_ITEMS - 1 :]
        room_item = {
            "room_id": s(room.room_id),
            "room_type": s(room.room_type),
            "created_by": s(room.created_by),
            "created_at_ms": n(room.created_at_ms),
            "metadata": s(to_json(dict(room.metadata))),
            "pending": {"BOOL": bool(later)},
            **self._by,
        }
        put: Item = {
            "TableName": self._rooms.name,
            "Item": room_item,
            "ConditionExpression": "attribute_not_exists(room_id)",
        }
        if later:
            put["ConditionExpression"] += " OR (pending = :yes AND created_by = :creator)"
            put["ExpressionAttributeValues"] = {
                ":yes": {"BOOL": True},
                ":creator": s(room.created_by),
            }
        writes = [{"Put": {"TableName": self._members.name, "Item": item}} for item in first]
        if not self._transact([{"Put": put}, *writes]):
            return False
        if later:
            self._members.batch_put(later)
            for member in self.members(room.room_id):
                if member.user_id not in items:  # from an earlier attempt
                    self._members.delete(_key(room.room_id, member.user_id))
            key = {"room_id": s(room.room_id)}
            self._rooms.update(key, "SET pending = :no", {":no": {"BOOL": False}})
        return True

    def _transact(self, writes: list[Item]) -> bool:
        """Write all; False if the first one's condition failed. Retries after conflicts."""
        client = self._rooms.client
        for _ in range(_CREATE_TRIES):
            try:
                with unavailable("the store"):
                    client.transact_write_items(TransactItems=writes)
                return True
            except TransactionCancelled as refusal:
                codes = [reason.get("Code") for reason in refusal.reasons]
                if codes[:1] == [FAILED]:
                    return False
                if CONFLICT not in codes:
                    raise cancelled(refusal) from refusal
        raise Unavailable("the room is being changed by another request, try again")

    def get(self, room_id: RoomId) -> Room | None:
        item = self._rooms.get({"room_id": s(room_id)})
        return _room(item) if item is not None and not _pending(item) else None

    def get_many(self, room_ids: Sequence[RoomId]) -> list[Room]:
        keys = [{"room_id": s(room_id)} for room_id in dict.fromkeys(room_ids)]
        items = [item for item in self._rooms.batch_get(keys) if not _pending(item)]
        found = {text(item, "room_id"): _room(item) for item in items}
        return [found[room_id] for room_id in room_ids if room_id in found]

    def member(self, room_id: RoomId, user_id: UserId) -> Member | None:
        if not self._several:
            item = self._members.get(_key(room_id, user_id))
            return _member(item) if item is not None else None
        return merged(self._held(room_id, user_id), weakness)

    def roles(self, user_id: UserId, room_ids: Sequence[RoomId]) -> dict[RoomId, Role]:
        keys = [
            _key(room_id, regional_key(user_id, region))
            for room_id in dict.fromkeys(room_ids)
            for region in self._writers
        ]
        return {each.room_id: each.role for each in _by_room(self._members.batch_get(keys))}

    def members(self, room_id: RoomId) -> list[Member]:
        items = self._members.query(
            KeyConditionExpression="room_id = :room",
            ExpressionAttributeValues={":room": s(room_id)},
            ConsistentRead=True,
        )
        return [member for _, member in decisions.merge(items, "user_id", _member, weakness)]

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        return [member.room_id for member in self.joined_since(user_id, 0)]

    def joined_since(self, user_id: UserId, at_ms: int) -> list[Member]:
        items = itertools.chain(*self._memberships(user_id, RoomId("")))
        return [each for each in _by_room(items) if each.joined_at_ms >= at_ms]

    def slice_of(self, user_id: UserId, after: RoomId, most: int) -> Slice[RoomId, Member]:
        queries = [list(items) for items in self._memberships(user_id, after, Limit=most + 1)]
        keys = [[RoomId(text(item, "room_id")) for item in items] for items in queries]
        taken, end = decisions.cut(keys, most + 1, most)
        known = {each.room_id: each for each in _by_room(itertools.chain(*queries))}
        return Slice({each: known[each] for each in taken if each in known}, end)

    def _memberships(self, user_id: UserId, after: RoomId, **more: Any) -> Iterator[Iterator[Item]]:
        """A user's items in rooms above an id, by region that wrote them."""
        condition, values = decisions.above("room_id", after)
        for region in self._writers:
            yield self._members.query(
                IndexName="user_id-room_id-index",
                KeyConditionExpression=f"user_id = :user AND {condition}",
                ExpressionAttributeValues={":user": s(regional_key(user_id, region)), **values},
                **more,
            )

    def add_member(self, member: Member) -> bool:
        held: Held = []  # with one region, the write's condition is enough
        for _ in range(decisions.TRIES):
            if self._several:
                held = self._held(member.room_id, member.user_id)
            if merged(held, weakness) is not None:
                return False
            if self._decide(addition(held, self._region, member), held):
                return True
            if not self._several:
                return False
        raise _changing()

    def remove_member(self, room_id: RoomId, user_id: UserId) -> bool:
        if not self._several:
            return bool(self._members.delete(_key(room_id, user_id)))
        for _ in range(decisions.TRIES):
            held = self._held(room_id, user_id)
            member = merged(held, weakness)
            if member is None:
                return False
            if self._decide(removal(held, self._region, member), held):
                return True
        raise _changing()

    def removed(self, room_id: RoomId, user_id: UserId) -> Member | None:
        return removed(self._held(room_id, user_id))

    def _held(self, room_id: RoomId, user_id: UserId) -> Held:
        """All decisions on a membership. One query costs what reading one item does."""
        between, values = decisions.sort_range("user_id", user_id)
        items = self._members.query(
            KeyConditionExpression=f"room_id = :room AND {between}",
            ExpressionAttributeValues={":room": s(room_id), **values},
            ConsistentRead=True,
        )
        return decisions.read(items, "user_id", _member)

    def _decide(self, decision: Decision[Member], held: Held) -> bool:
        item = decisions.attributes(decision, "user_id", decision.value.user_id)
        return self._members.put(
            {**_member_item(decision.value), **item, **self._by},
            **decisions.condition(decision, held, "user_id"),
        )


def _pending(item: Item) -> bool:
    return bool(item.get("pending", {"BOOL": False})["BOOL"])


def _room(item: Item) -> Room:
    return Room(
        RoomId(text(item, "room_id")),
        RoomType(text(item, "room_type")),
        UserId(text(item, "created_by")),
        integer(item, "created_at_ms"),
        nesting.read(text(item, "metadata")),
    )


def _member_item(member: Member) -> Item:
    return {
        "room_id": s(member.room_id),
        "user_id": s(member.user_id),
        "role": s(member.role),
        "joined_at_ms": n(member.joined_at_ms),
    }


def _key(room_id: RoomId, user_id: str) -> Item:
    return {"room_id": s(room_id), "user_id": s(user_id)}


def _by_room(items: Iterable[Item]) -> list[Member]:
    """What these items of one user say of each room."""
    held: dict[RoomId, Held] = {}
    for decision in decisions.read(items, "user_id", _member):
        held.setdefault(decision.value.room_id, []).append(decision)
    found = (merged(each, weakness) for each in held.values())
    return [member for member in found if member is not None]


def _changing() -> Unavailable:
    return Unavailable("the membership is being changed by another request, try again")


def _member(item: Item) -> Member:
    return Member(
        RoomId(text(item, "room_id")),
        of_regional_key(text(item, "user_id"))[0],
        Role(text(item, "role")),
        integer(item, "joined_at_ms"),
    )
