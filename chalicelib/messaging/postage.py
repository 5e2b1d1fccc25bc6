"""What the posts of a message cost its sender, taken before the message is stored.

Jobs make the posts later, on behalf of everybody who wrote to the room, so they cannot be charged
there. A message of up to `POSTED_BYTES` pays nothing for its posts, nor does one to a small room:
the posts of a region are bounded, and so is what small ones cost.
"""

from __future__ import annotations

from ..access.limits import Limits
from ..contract.commands import MAX_CONTENT_BYTES, SendMessage, check_size
from ..kernel import consumption, ids
from ..kernel.errors import CacheDown
from ..membership.rooms import Rooms
from ..model.identifiers import RoomId, UserId
from ..model.lines import Turn
from ..model.rooms import RoomType
from ..ports.log import Recents

_CAN_BE_LARGE = (RoomType.GROUP_CHAT, RoomType.MOMENTS)


class Postage:
    def __init__(self, limits: Limits, recents: Recents, rooms: Rooms) -> None:
        self._limits = limits
        self._recents = recents
        self._rooms = rooms

    def pay(self, sender: UserId, command: SendMessage, turn: Turn | None) -> None:
        """Charge the posts of a message. A small one, or one to a small room, makes no call.

        Args:
            turn: What its frame has drawn: it has the members of a small room.

        Raises:
            RateLimited: The sender has no token left.
        """
        size, room_id = command.content_bytes, RoomId(command.conversation_id)
        if size <= consumption.POSTED_BYTES or ids.room_type(room_id) not in _CAN_BE_LARGE:
            return
        if turn is not None and turn.room is not None:
            return
        check_size(size, MAX_CONTENT_BYTES, "content")
        tokens = consumption.tokens_to_post(size, self._receivers(room_id))
        if tokens:
            self._limits.spend_for_posts(sender, tokens)

    def _receivers(self, room_id: RoomId) -> int:
        """Count the members. What is not cached is cached now: the delivery needs it next."""
        try:
            known = self._recents.deliver(room_id, [])
        except CacheDown:
            return 0  # there are no limits either
        if known.members is not None:
            return len(known.members)
        return len(self._rooms.fill(room_id, known.version))
