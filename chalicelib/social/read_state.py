"""What markers say: how much a user has not read, and which messages somebody has read.

Unread counts stop at `MAX_UNREAD`. Of an own message a user is told whether somebody else has read
it, but not who. So whoever has blocked them must not count, nor what the invisible have read: of
that, markers keep what others may know (`Marker.reading`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ..kernel import ids, tails, telemetry
from ..kernel.errors import TidingsError
from ..membership.consent import Consent
from ..membership.rooms import Rooms
from ..messaging.confirmations import RECEIPTS_UP_TO
from ..messaging.reading import MessageReader
from ..model.identifiers import MessageId, Region, RoomId, UserId
from ..model.log import Entry, Head
from ..model.receipts import MAX_UNREAD, Marker, Reading, Unread, furthest
from ..model.rooms import CLOCKS_MS, RoomType
from ..ports.receipts import Markers


class ReadState:
    def __init__(
        self,
        markers: Markers,
        reader: MessageReader,
        rooms: Rooms,
        consent: Consent,
        regions: tuple[Region, ...],
    ) -> None:
        self._markers = markers
        self._reader = reader
        self._rooms = rooms
        self._consent = consent
        self._regions = regions

    def unread(self, user_id: UserId, room_ids: Sequence[RoomId]) -> dict[RoomId, Unread]:
        """Return what is unread in each room; without a marker, all since the user joined.

        Counted from the heads, without reading messages: see `kernel.tails`.
        """
        markers = self._markers.of_user(user_id, room_ids, self._regions)
        heads = self._reader.heads(list(dict.fromkeys(room_ids)))
        found = {}
        for room_id in room_ids:
            marker = markers.get(room_id)
            news = {
                region: head
                for region, head in heads[room_id].items()
                if marker is None
                or not marker.covers(region, head.seq, head.last_id or MessageId(""))
            }
            found[room_id] = Unread(0, marker)
            if any(head.seq for head in news.values()):
                found[room_id] = self._unread(user_id, room_id, marker, news)
        return found

    def _unread(
        self, user_id: UserId, room_id: RoomId, marker: Marker | None, news: Mapping[Region, Head]
    ) -> Unread:
        """Return what is unread in one room; if it cannot be read, that is noted and not raised."""
        try:
            joined_ms = self._rooms.joined_ms(room_id, user_id) if marker is None else 0
            start = marker.message_id if marker is not None else ids.first_at(joined_ms)
            counts = [
                tails.unread(head.tail, head.seq, after_seq, user_id)
                if (after_seq := self._seq_at(room_id, region, start, marker)) is not None
                else None
                for region, head in news.items()
                if head.seq
            ]
            known = [count for count in counts if count is not None]
            count = min(sum(known), MAX_UNREAD)
            if len(known) < len(counts):
                count = self._reader.count_after(room_id, start, user_id, MAX_UNREAD)
        except TidingsError:
            raise
        except Exception as fault:  # noqa: BLE001 - it would fail again; the answer says so
            telemetry.error("room_unreadable", fault, room_id=room_id)
            return Unread(0, marker, unreadable=True)
        return Unread(count, marker)

    def _seq_at(
        self, room_id: RoomId, region: Region, start: MessageId, marker: Marker | None
    ) -> int | None:
        """Return the seq up to which a stream is read; None if only its messages say.

        Without a marker, one entry is read: the last before the user joined. Likewise for the
        stream of a region that is newer than the marker.
        """
        if marker is None:
            last = self._reader.head_before(room_id, region, start)
            return 0 if self._is_of_the_beginning(room_id, last, ids.time_ms(start)) else last.seq
        up_to = marker.up_to(region)
        if up_to is None and self._reader.several:
            return self._reader.head_before(room_id, region, ids.following(start)).seq
        return up_to

    def _is_of_the_beginning(self, room_id: RoomId, last: Head, joined_ms: int) -> bool:
        """Whether an entry from before the user joined is from after the room was created.

        Then they have been members since that, and the clock that wrote the entry was behind.
        """
        if last.last_id is None or ids.time_ms(last.last_id) < joined_ms - CLOCKS_MS:
            return False
        return self._rooms.began_at(room_id, joined_ms)

    def seen(
        self,
        viewer: UserId,
        entries: Sequence[Entry],
        markers: Mapping[RoomId, Marker | None] | None = None,
    ) -> set[MessageId]:
        """Return which entries are read: the viewer's by somebody else, others' by the viewer.

        At most three batched reads for all rooms, whatever the number of readers; and one more for
        each group in which somebody who has blocked the viewer has read furthest.

        Args:
            markers: The viewer's markers, if they are known.
        """
        own = sorted({entry.room_id for entry in entries if entry.sender_id == viewer})
        readings = self._readings(viewer, own) if own else {}
        if markers is None:
            others = sorted({entry.room_id for entry in entries if entry.sender_id != viewer})
            markers = self._markers.of_user(viewer, others, self._regions) if others else {}
        found = set()
        for entry in entries:
            who: list[Marker | Reading | None] = [markers.get(entry.room_id)]
            if entry.sender_id == viewer:
                who = [each for each in readings[entry.room_id] if each.user_id != viewer]
            if any(each is not None and each.covers(*_place(entry)) for each in who):
                found.add(entry.message_id)
        return found

    def _readings(self, viewer: UserId, rooms: Sequence[RoomId]) -> dict[RoomId, Sequence[Reading]]:
        """Return who has read these rooms furthest, without those who have blocked the viewer.

        Private chats are left out: while one of the two blocks the other, markers there are silent.
        """
        found: dict[RoomId, Sequence[Reading]] = dict(self._markers.furthest(rooms, self._regions))
        groups = [room for room in rooms if ids.room_type(room) is RoomType.GROUP_CHAT]
        others = {each.user_id for room in groups for each in found[room]} - {viewer}
        blockers = self._consent.blockers(viewer, others) if others else set()
        for room_id in groups:
            if any(each.user_id in blockers for each in found[room_id]):
                found[room_id] = self._of_others(viewer, room_id, found[room_id], blockers)
        return found

    def _of_others(
        self,
        viewer: UserId,
        room_id: RoomId,
        known: Sequence[Reading],
        blockers: Collection[UserId],
    ) -> Sequence[Reading]:
        """Return the furthest who have not blocked the viewer.

        Of a large room only some readers are kept: what somebody further behind has read is not
        said there.
        """
        most = RECEIPTS_UP_TO * len(self._regions)
        everybody = self._markers.readings(room_id, most)
        if everybody is None:
            return [each for each in known if each.user_id not in blockers]
        hidden = self._consent.blockers(viewer, {each.user_id for each in everybody} - {viewer})
        return furthest(each for each in everybody if each.user_id not in hidden)


def _place(entry: Entry) -> tuple[Region, int, MessageId]:
    return entry.region, entry.seq, entry.message_id
