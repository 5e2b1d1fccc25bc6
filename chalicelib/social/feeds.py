"""Moments and notifications: each user has a room for either.

A user posts moments and their friends read them. Services post notifications and the user reads
them. As both are rooms, they share the log, delivery, positions and sync of all rooms.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from ..contract.commands import Durable, SendMessage
from ..kernel import ids
from ..kernel.errors import PermissionDenied
from ..membership.friends import Friends
from ..membership.rooms import Rooms
from ..messaging.durability import Sending, Stored
from ..messaging.reading import MessageReader
from ..model.access import Identity
from ..model.identifiers import MessageId, RoomId, UserId
from ..model.log import Entry
from ..model.rooms import RoomType


class Feeds:
    def __init__(
        self, rooms: Rooms, friends: Friends, reader: MessageReader, sending: Sending
    ) -> None:
        self._rooms = rooms
        self._friends = friends
        self._reader = reader
        self._sending = sending

    def post_moment(
        self,
        user_id: UserId,
        message_type: str,
        content: Any,
        client_message_id: str | None,
        durability: Durable,
    ) -> Stored:
        """Post a moment to the user's friends."""
        room_id = self._rooms.own(user_id, RoomType.MOMENTS)
        fields = message_type, content, client_message_id
        return self._post(user_id, room_id, *fields, False, durability)

    def notify(
        self,
        service: Identity,
        user_id: UserId,
        message_type: str,
        content: Any,
        client_message_id: str | None,
        delivery_receipt: bool,
        durability: Durable,
    ) -> Stored:
        """Post a notification to a user.

        Raises:
            PermissionDenied: The token does not have the role `service`.
        """
        if "service" not in service.roles:
            raise PermissionDenied("the token needs the role `service`")
        fields = message_type, content, client_message_id
        room_id = self._rooms.own(user_id, RoomType.NOTIFICATIONS)
        return self._post(service.user_id, room_id, *fields, delivery_receipt, durability)

    def notifications(
        self, user_id: UserId, before: MessageId | None, limit: int
    ) -> tuple[list[Entry], bool]:
        """Return a page of the user's notifications, newest first, and whether there is more."""
        return self._newest([ids.notifications_room_id(user_id)], before, limit)

    def moments(
        self, user_id: UserId, before: MessageId | None, limit: int
    ) -> tuple[list[Entry], bool]:
        """Return a page of the user's and their friends' moments, and whether there is more.

        Newest first. One batched read of all heads, and one query for each friend who may be on
        the page: on the first page for at most `limit` friends, on later pages for all friends
        who have posted since.
        """
        owners = [user_id, *self._friends.of(user_id)]
        return self._newest([ids.moments_room_id(owner) for owner in owners], before, limit)

    def _newest(
        self, rooms: Sequence[RoomId], before: MessageId | None, limit: int
    ) -> tuple[list[Entry], bool]:
        last_ids = self._reader.newest(rooms)
        page: list[Entry] = []
        for room_id in sorted(last_ids, key=lambda room: last_ids[room], reverse=True):
            if len(page) > limit and last_ids[room_id] < page[limit].message_id:
                break  # this room and all after it have nothing on the page
            entries, _ = self._reader.history(room_id, before, None, limit + 1)
            newest_first = entries[::-1]
            page = list(heapq.merge(page, newest_first, key=_id, reverse=True))[: limit + 1]
        return page[:limit], len(page) > limit

    def _post(
        self,
        sender: UserId,
        room_id: RoomId,
        message_type: str,
        content: Any,
        client_message_id: str | None,
        delivery_receipt: bool,
        durability: Durable,
    ) -> Stored:
        message = SendMessage(
            conversation_id=room_id,
            message_type=message_type,
            content=content,
            client_message_id=client_message_id,
            delivery_receipt=delivery_receipt,
            durability=durability,
        )
        return self._sending.send(sender, message, None, None)


def _id(entry: Entry) -> str:
    return entry.message_id
