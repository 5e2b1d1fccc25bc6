"""What other regions have written to a room, as far as this region's replica has it.

A writer looks before it appends. The new entry's id is then above all that anybody in this region
can have seen, so an answer never comes before its question. And a resend of what another region
has stored is recognised. With one region nothing is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..kernel import ids, telemetry
from ..model.identifiers import MessageId, Region, RoomId, Stream, UserId
from ..model.log import Duplicate, Entry, Head, Reach
from ..ports.log import MessageLog
from ..ports.system import Clock

_SKEW_MS = 100  # smaller differences between clocks are not reported
# An entry whose dedupe item is here arrives within this time, or its region is lost.
_LATE_MS = 5_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of other regions before an append.

    Attributes:
        newest: The newest id of their streams, None for none.
        first: The first copies of drafts that are resends, by the draft's place in the line.
        own: How far another region has kept this region's stream.
    """

    newest: MessageId | None = None
    first: Mapping[int, Duplicate] = field(default_factory=dict)
    own: Reach = field(default_factory=Reach)


class OtherRegions:
    """The regions of the deployment without this one."""

    def __init__(self, log: MessageLog, clock: Clock, regions: tuple[Region, ...] = ()) -> None:
        self._log = log
        self._clock = clock
        self._regions = regions

    def look(self, drafts: Sequence[Entry]) -> Seen:
        """Return what is here of other regions, before these drafts of a room are appended.

        Look after the drafts were made: what their senders had seen is then there. A clock that
        is ahead of this region's is reported.
        """
        if not self._regions:
            return Seen()
        room_id, now_ms = drafts[0].room_id, self._clock.now_ms()
        keys = {
            number: self.keys(draft.sender_id, draft.client_message_id)
            for number, draft in enumerate(drafts)
        }
        asked = [key for each in keys.values() for key in each]
        found = self._log.elsewhere(room_id, self._regions, asked, now_ms)
        newest = max(head.last_id or MessageId("") for head in found.heads.values())
        ahead_ms = ids.time_ms(newest) - now_ms if newest else 0
        if ahead_ms > _SKEW_MS:
            telemetry.measure("clock_ahead", now_ms, clock_ahead_ms=ahead_ms)
        first = {}
        for number, each in keys.items():
            known = [found.first[key] for key in each if key in found.first]
            standing = [at for at in known if self._stands(room_id, at, now_ms)]
            if standing:
                first[number] = min(standing, key=lambda at: at.message_id)
        reaches = [head.reach.get(drafts[0].region, Reach()) for head in found.heads.values()]
        return Seen(newest or None, first, max(reaches, key=lambda reach: reach.seq))

    def restored(self, stream: Stream, head: Head, seen: Seen) -> Head:
        """Return the head, moved to what another region has kept of this region's stream.

        It is behind that only if this region was lost with its data and has them back from others,
        which had the entry and not the head. An entry onto the old head would fork the stream.
        """
        if seen.own.seq <= head.seq or seen.own.last_id is None:
            return head
        self._log.restore_head(stream, seen.own)
        return Head(seen.own.seq, seen.own.last_id)

    def keys(self, sender: UserId, client_id: str | None) -> list[str]:
        """The keys under which others may have stored it, or this region when it was alone."""
        if client_id is None:
            return []
        return [ids.message_dedupe(sender, client_id, region) for region in (None, *self._regions)]

    def _stands(self, room_id: RoomId, first: Duplicate, now_ms: int) -> bool:
        """Whether the resend must not be stored again.

        A region can be lost after its dedupe item was replicated and before the entry was. Then
        the resend is stored here; if the first copy arrives after all, the two become one.
        """
        if now_ms - first.timestamp_ms < _LATE_MS:
            return True
        return self._log.get(room_id, first.region, first.message_id) is not None
