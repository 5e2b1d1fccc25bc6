"""Whether a connection that was registered late may have missed pushes.

A connection that opens while Redis does not answer is registered when Redis is back. Until then
deliveries do not see it, if its bucket counts as complete. What they delivered in that time is in
the log, and the heads of the user's rooms show whether there is anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import wire
from ..contract import events
from ..kernel import ids
from ..membership.rooms import Rooms
from ..model.connections import Connection
from ..model.identifiers import Region
from ..ports.log import MessageLog

# Clocks differ, and another region's entries arrive late: an entry that was written so long before
# the connection opened may have been delivered after it.
MARGIN_MS = 60_000


class MissedPushes:
    def __init__(self, log: MessageLog, rooms: Rooms, regions: Sequence[Region]) -> None:
        self._log = log
        self._rooms = rooms
        self._regions = regions

    def since_opened(self, connection: Connection) -> bool:
        """Whether entries for it were written since it opened. Call it after it was registered.

        One batched read of the heads of all rooms that it gets messages of.
        """
        rooms = [
            room_id
            for room_id in self._rooms.ids_of(connection.user_id)
            if wire.takes(connection.target.protocol, events.of_message(room_id).name)
        ]
        heads = self._log.heads([(room, region) for room in rooms for region in self._regions])
        from_ms = connection.connected_at_ms - MARGIN_MS
        newest = [head.last_id for head in heads.values()]
        newest += [reach.last_id for head in heads.values() for reach in head.reach.values()]
        return any(last_id and ids.time_ms(last_id) >= from_ms for last_id in newest)
