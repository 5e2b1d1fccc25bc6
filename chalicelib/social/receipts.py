"""Receipts: users mark how far they have read, and others are told that and whom a message reached.

A marker covers everything before it and only moves forward; `read_state` has what it says later. In
rooms of up to `RECEIPTS_UP_TO`
members, senders get an event for each user who reads their messages. In larger rooms they get
counts, at most one every `COUNTS_EVERY_S`.

Nobody is told what a user has read or got who is invisible, who has blocked them, or with whom they
share a private chat in which one has blocked the other.

In rooms of up to `RECEIPTS_UP_TO` members, a sender can also ask which users a message reached.
They get one event for each user, after a device of that user has acked or sent the action
`message_delivered`.
"""

from __future__ import annotations

from dataclasses import replace

from ..contract.events import MessageDelivered, MessageRead
from ..jobs.receipts import TellDelivered, TellRead, TellReadCounts
from ..jobs.relayed import RelayDelivered
from ..kernel import ids, telemetry, times
from ..kernel.errors import CacheDown, NotFound, Unavailable
from ..membership.consent import Consent
from ..membership.rooms import Rooms
from ..messaging.broadcast import Broadcast
from ..messaging.confirmations import RECEIPTS_UP_TO
from ..messaging.reading import MessageReader
from ..messaging.telling import Telling
from ..model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ..model.log import Entry, EntryKind
from ..model.receipts import Marker, Reading
from ..model.rooms import Role, RoomType
from ..ports.queues import Queue
from ..ports.receipts import AckNumbers, Claims, Markers
from ..ports.system import Clock
from .presence import Presences

COUNTS_EVERY_S = 5
READ_AGAIN_S = 3_600
DELIVERED_S = 86_400
PUBLISH_AGAIN_S = 15
_READINGS = 50  # messages before the marker whose senders get an event
_PORTION = 10  # of them that are read at once
_COUNTED = 10  # senders who get counts


def delivered_claim(message_id: MessageId, user_id: UserId) -> str:
    """The claim of a message's first arrival at a user's device. A message id has no `:`."""
    return f"delivered:{message_id}:{user_id}"


def read_again_claim(room_id: RoomId, user_id: UserId, message_id: MessageId) -> str:
    """The claim of a repeated `message_read`, whose first call may have told nobody."""
    return f"read:{room_id}:{message_id}:{user_id}"


def counts_claim(room_id: RoomId) -> str:
    """The claim of the next counts of a large room."""
    return f"counts:{room_id}"


class Receipts:
    def __init__(
        self,
        *,
        markers: Markers,
        reader: MessageReader,
        rooms: Rooms,
        consent: Consent,
        presences: Presences,
        telling: Telling,
        broadcast: Broadcast,
        claims: Claims,
        numbers: AckNumbers,
        outbound: Queue,
        clock: Clock,
        region: Region,
        regions: tuple[Region, ...],
    ) -> None:
        self._markers = markers
        self._reader = reader
        self._rooms = rooms
        self._consent = consent
        self._presences = presences
        self._telling = telling
        self._broadcast = broadcast
        self._claims = claims
        self._numbers = numbers
        self._outbound = outbound
        self._clock = clock
        self._region = region
        self._regions = regions

    def read(
        self,
        user_id: UserId,
        room_id: RoomId,
        message_id: MessageId,
        origin: ConnectionId,
        role: Role,
    ) -> None:
        """Move the user's marker to this message, if it is not before the marker.

        Args:
            role: That of the user in the room.

        Raises:
            NotFound: The room has no such message.
        """
        entry = self._reader.find(room_id, message_id)
        if entry is None or entry.kind is not EntryKind.MESSAGE:
            raise NotFound("no such message")
        now_ms = self._clock.now_ms()
        seen = self._reader.seen_with(entry)
        marker = Marker(user_id, message_id, now_ms, entry.region, entry.seq, seen)
        silent = self._is_silent(user_id, room_id, role)
        if silent:
            marker = marker.silently()
        before = self._markers.move(room_id, self._region, marker)
        # A repeated call queues the job again, once: the first may have died before it did.
        again = before is None or before.message_id == message_id
        if before is not None and again and not self._first_repeat(room_id, marker):
            return
        if before is not None and not again and before.covers(entry.region, entry.seq, message_id):
            return
        known = before.reading if before is not None and not again else None
        job = TellRead(
            room_id=room_id,
            user_id=user_id,
            message_id=message_id,
            after=known.message_id if known is not None else "",
            at_ms=now_ms,
            origin=origin,
            before=known.seen if known is not None else None,
            seen=seen or None,
            silent=silent,
        )
        self._outbound.send([job])

    def _first_repeat(self, room_id: RoomId, marker: Marker) -> bool:
        """Whether a marker that does not move is set there again for the first time."""
        try:
            name = read_again_claim(room_id, marker.user_id, marker.message_id)
            return self._claims.claim(name, READ_AGAIN_S)
        except CacheDown:
            return True

    def tell_read(self, job: TellRead) -> None:
        """Send `message_read` to the reader's other devices and to the senders of what was read."""
        room_id, reader = job.room_id, job.user_id
        read_at = times.iso(job.at_ms)
        own = MessageRead(job.message_id, reader, room_id, read_at)
        self._telling.tell([reader], own, exclude=job.origin)
        if job.silent:
            return
        large = len(self._rooms.members(room_id)) > RECEIPTS_UP_TO
        if not job.foreign:
            reading = Reading(reader, job.message_id, job.seen or {})
            self._markers.note(room_id, self._region, reading, large)
        if large:
            self._count_later(room_id)
            return
        known = Reading(reader, MessageId(job.after), job.before or {})
        after = "" if self._reader.several else job.after
        newest = self._newest_by_sender(room_id, job.message_id, after)
        told = [
            theirs
            for theirs in newest
            if theirs.sender_id != reader and not known.covers(*_place(theirs))
        ]
        blocked = self._consent.blocked_by(reader, [theirs.sender_id for theirs in told])
        for theirs in told:
            if theirs.sender_id not in blocked:
                event = MessageRead(theirs.message_id, reader, room_id, read_at)
                self._telling.tell([theirs.sender_id], event)

    def tell_counts(self, job: TellReadCounts) -> None:
        """Send the latest senders of a large room how many have read their newest message."""
        room_id, read_at = job.room_id, times.iso(self._clock.now_ms())
        senders = self._newest_by_sender(room_id, None)[:_COUNTED]
        if not senders:
            return
        counts = self._markers.counts(room_id, [newest.message_id for newest in senders])
        for newest, count in zip(senders, counts, strict=True):
            event = MessageRead(newest.message_id, None, room_id, read_at, count)
            self._telling.tell([newest.sender_id], event)

    def acked(self, ack_id: int) -> tuple[RoomId, MessageId] | None:
        """Return the message that a device was asked to ack under this number, if still known."""
        try:
            return self._numbers.acked(ack_id)
        except CacheDown:
            return None

    def delivered(self, user_id: UserId, room_id: RoomId, message_id: MessageId) -> None:
        """Note that a message reached a device of this member, if its sender wants a receipt.

        Raises:
            NotFound: The room has no such message.
        """
        entry = self._reader.first_copy(room_id, message_id)
        if entry is None or entry.kind is not EntryKind.MESSAGE:
            raise NotFound("no such message")
        if not entry.delivery_receipt or entry.deleted or entry.sender_id == user_id:
            return
        job = TellDelivered(
            room_id=room_id,
            message_id=entry.message_id,
            sender_id=entry.sender_id,
            user_id=user_id,
            at_ms=self._clock.now_ms(),
        )
        self._outbound.send([job])

    def tell_delivered(self, job: TellDelivered, attempt: int) -> None:
        """Post and publish `message_delivered` for a user's first device.

        After a failure, it is posted again. If only the topic fails, only that is repeated.

        Raises:
            Unavailable: Also if that fails again.
        """
        relayed = RelayDelivered(
            region=self._region,
            at_ms=job.at_ms,
            room_id=job.room_id,
            message_id=job.message_id,
            sender_id=job.sender_id,
            user_id=job.user_id,
        )
        if job.only_elsewhere:
            is_useful = self._clock.now_ms() - job.at_ms <= relayed.useful_ms
            if is_useful and not self._broadcast.to_user(relayed, job.sender_id):
                raise Unavailable("the topic did not answer, try again")
            return
        members = self._rooms.members(job.room_id)
        role = members.get(job.user_id)
        if len(members) > RECEIPTS_UP_TO or self._is_silent(job.user_id, job.room_id, role):
            return
        if job.user_id in self._consent.blockers(job.sender_id, [job.user_id]):
            return
        if not self._post_delivered(job, attempt):
            return
        if not self._broadcast.to_user(relayed, job.sender_id):
            again = replace(job, only_elsewhere=True, delay_s=PUBLISH_AGAIN_S)
            self._outbound.send([again])

    def relay_delivered(self, job: RelayDelivered, attempt: int) -> None:
        """Post another region's `message_delivered`, unless the user had the message here first."""
        self._post_delivered(job, attempt)

    def _post_delivered(self, job: TellDelivered | RelayDelivered, attempt: int) -> bool:
        """Post `message_delivered` in this region; False if it was posted before."""
        try:
            name = delivered_claim(job.message_id, job.user_id)
            first = self._claims.claim(name, DELIVERED_S)
        except CacheDown:
            first = True  # a second event does no harm
        if not first and attempt == 1:
            return False
        event = MessageDelivered(job.message_id, job.room_id, job.user_id, times.iso(job.at_ms))
        self._telling.tell([job.sender_id], event)
        return True

    def _is_silent(self, user_id: UserId, room_id: RoomId, role: Role | None) -> bool:
        """Whether nobody is told what this member has read or got."""
        chat = ids.room_type(room_id) is RoomType.PRIVATE_CHAT
        return (chat and role is Role.READER) or self._presences.is_invisible(user_id)

    def _newest_by_sender(
        self, room_id: RoomId, up_to: MessageId | None, after: str = ""
    ) -> list[Entry]:
        """Return the newest message of each recent sender, the latest sender first.

        Args:
            after: What was read before it is of no interest; few messages are new.
        """
        before = ids.following(up_to) if up_to is not None else None
        found: dict[UserId, Entry] = {}
        for _ in range(0, _READINGS, _PORTION):
            entries, more = self._reader.history(room_id, before, None, _PORTION)
            for entry in reversed(entries):
                found.setdefault(entry.sender_id, entry)
            if not more or entries[0].message_id <= after:
                break
            before = entries[0].message_id
        return list(found.values())

    def _count_later(self, room_id: RoomId) -> None:
        try:
            first = self._claims.claim(counts_claim(room_id), COUNTS_EVERY_S)
        except CacheDown:
            telemetry.log("WARNING", "read_counts_dropped")
            return
        if first:
            self._outbound.send([TellReadCounts(room_id=room_id, delay_s=COUNTS_EVERY_S)])


def _place(entry: Entry) -> tuple[Region, int, MessageId]:
    return entry.region, entry.seq, entry.message_id
