"""Lists of a user's rooms in pages. A page costs what is on it, however long the list is."""

from __future__ import annotations

from ..kernel import ids
from ..model.identifiers import RoomId, UserId
from ..model.rooms import Role, Room
from ..ports.rooms import RoomStore
from .friends import Friends

OF_FRIENDS = "friends:"  # a page that has ended among the moments of friends: after this friend


class RoomPages:
    def __init__(self, store: RoomStore, friends: Friends) -> None:
        self._store = store
        self._friends = friends

    def mine(
        self, user_id: UserId, after: RoomId, limit: int | None
    ) -> tuple[list[tuple[Room, Role]], RoomId | None]:
        """Return a page of a user's rooms with their roles, by id: those above `after`.

        Also after which room the next page begins; None if there is none.
        """
        page, last = self._own(user_id, after, limit)
        roles = self._store.roles(user_id, page)
        rooms = [room for room in self._store.get_many(page) if room.room_id in roles]
        return [(room, roles[room.room_id]) for room in rooms], last

    def readable(self, user_id: UserId, after: str, most: int) -> tuple[list[RoomId], str | None]:
        """Return a page of all rooms that a user reads: their own, then their friends' moments.

        Args:
            after: "", or where the page before has ended.
            most: How many at most; there may be fewer, and more on the next page.

        Returns:
            Also where the page ends; None if it is the last one.
        """
        own: list[RoomId] = []
        if not after.startswith(OF_FRIENDS):
            own, end = self._own(user_id, RoomId(after), most)
            if end is not None or len(own) == most:
                return own, end or OF_FRIENDS
            after = OF_FRIENDS
        friend = UserId(after.removeprefix(OF_FRIENDS))
        friends, last = self._friends.slice_of(user_id, friend, most - len(own))
        moments = [ids.moments_room_id(each) for each in friends]
        return own + moments, OF_FRIENDS + last if last is not None else None

    def _own(
        self, user_id: UserId, after: RoomId, limit: int | None
    ) -> tuple[list[RoomId], RoomId | None]:
        if limit is None:
            return sorted(room for room in self._store.rooms_of(user_id) if room > after), None
        found = self._store.slice_of(user_id, after, limit)
        return list(found.found), found.end
