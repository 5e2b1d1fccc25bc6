"""Writing to a room's log: append a message or a deletion, and deliver it or queue that."""

from __future__ import annotations

from dataclasses import replace

from ..contract.commands import MAX_CONTENT_BYTES, SendMessage, check_size
from ..jobs.delivery import DeliverEntry
from ..jobs.foreign import DeliverForeign
from ..kernel import ids, telemetry
from ..kernel.errors import Internal, NotFound, PermissionDenied, Unavailable
from ..model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ..model.lines import Fate, Settled, Turn
from ..model.log import Duplicate, Entry, EntryKind
from ..model.rooms import Role, RoomType
from ..ports.delivery import Cursors
from ..ports.lines import Lines
from ..ports.log import MessageLog
from ..ports.queues import Queue
from ..ports.system import Clock, Ids
from .appending import Appender
from .backlog import RECENT_MS
from .elsewhere import OtherRegions
from .lane import FastLane
from .reading import MessageReader


class MessageWriter:
    """Appends to this region's streams."""

    def __init__(
        self,
        *,
        log: MessageLog,
        reader: MessageReader,
        lines: Lines,
        delivery: Queue,
        cursors: Cursors,
        clock: Clock,
        ids_: Ids,
        region: Region,
        lane: FastLane | None = None,
        has_outbox: bool = False,
    ) -> None:
        self._log = log
        self._reader = reader
        self._delivery = delivery
        self._cursors = cursors
        self._clock = clock
        self._region = region
        self._lane = lane
        self._has_outbox = has_outbox
        others = tuple(each for each in reader.regions if each != region)
        self._elsewhere = OtherRegions(log, clock, others)
        self._appender = Appender(log, lines, clock, ids_, region, self._elsewhere)

    def send(
        self,
        sender: UserId,
        command: SendMessage,
        origin: ConnectionId | None,
        turn: Turn | None,
    ) -> Entry:
        """Append a message to the log and deliver it, or queue that; the caller checks membership.

        A resend with the same client_message_id within 24 h returns the stored first entry,
        whatever the resend says. It also queues that entry again, which completes an earlier
        attempt that died halfway.

        Raises:
            NotFound: The room has no message that this one could reply to.
        """
        check_size(command.content_bytes, MAX_CONTENT_BYTES, "content")
        client_id = command.client_message_id
        region = self._region if self._reader.several else None
        dedupe = ids.message_dedupe(sender, client_id, region) if client_id else None
        draft = Entry(
            room_id=RoomId(command.conversation_id),
            region=self._region,
            seq=0,
            message_id=MessageId(""),
            kind=EntryKind.MESSAGE,
            sender_id=sender,
            timestamp_ms=0,
            message_type=command.message_type,
            content=command.content,
            reply_to_message_id=self._reply_to(sender, command, dedupe),
            client_message_id=command.client_message_id,
            origin_id=origin,
            delivery_receipt=command.delivery_receipt,
        )
        return self._append(draft, dedupe, turn)

    def delete(
        self,
        user_id: UserId,
        role: Role,
        room_id: RoomId,
        message_id: MessageId,
        origin: ConnectionId | None,
        turn: Turn | None,
    ) -> list[Entry]:
        """Delete a message, as its sender, or in a group as an admin or the owner. Idempotent.

        Returns:
            The deletions of all of its copies.
        """
        found = self._reader.find(room_id, message_id)
        if found is None or found.kind is not EntryKind.MESSAGE:
            raise NotFound("no such message")
        # Both users of a private chat own it, and neither may delete the other's messages.
        moderates = role.manages and ids.room_type(room_id) is not RoomType.PRIVATE_CHAT
        if found.sender_id != user_id and not moderates:
            raise PermissionDenied(
                "only its sender may delete this message; in a group also the owner or an admin"
            )
        copies = self._reader.copies
        deletions = []
        for each in copies.all_of(copies.first_of(found)):
            deletions.append(self._delete(user_id, each, origin, turn))
            turn = None
        return deletions

    def arrived(self, entry: Entry) -> bool:
        """Take note of another region's entry; return whether readers do not show it.

        Call it for each, once it is in this region's replica, and again when its dedupe item is: a
        resend is stored here until both are. An entry that is not shown is a second copy: it must
        not be pushed.
        """
        if entry.kind is EntryKind.MESSAGE and entry.client_message_id is None:
            return False  # it has no copy
        copies = self._reader.copies
        copy = copies.notice(entry, self._clock.now_ms())
        found: Entry | None = entry
        if entry.kind is EntryKind.DELETION:
            named = entry.target_id
            found = self._reader.find(entry.room_id, named) if named is not None else None
            # Written after the mark, or the mark was lost with its region.
            if found is not None and not found.deleted and (found.kept or entry.kept):
                self._log.mark_deleted(found)
                found = replace(found, deleted=True, content=None)
        all_copies = copies.all_of(copies.first_of(found)) if found is not None else []
        if any(each.deleted for each in all_copies):  # one was deleted before the other was known
            for each in all_copies:
                key, now_ms = ids.deletion_dedupe(each.message_id), self._clock.now_ms()
                if not each.deleted and self._log.find(each.room_id, key, now_ms) is None:
                    self._delete(each.sender_id, each, None, None)
        return copy is not None and copy.message_id == entry.message_id

    def _reply_to(
        self, sender: UserId, command: SendMessage, dedupe: str | None
    ) -> MessageId | None:
        """Return the message that a reply names, by the id that readers show.

        One read of the log; with several regions up to one for each, and those for its copies. It
        may be missing if another region has written it lately, and if this is a resend, which gets
        what was stored.

        Raises:
            NotFound: The room has no such message.
        """
        if not command.reply_to_message_id:
            return None
        named, room_id = MessageId(command.reply_to_message_id), RoomId(command.conversation_id)
        found = self._reader.first_copy(room_id, named)
        if found is not None and found.kind is EntryKind.MESSAGE:
            return found.message_id
        now_ms = self._clock.now_ms()
        if found is None and self._reader.may_arrive(named, now_ms):
            return named
        if dedupe is not None and command.client_message_id is not None:
            others = self._elsewhere.keys(sender, command.client_message_id)
            for key in dict.fromkeys((dedupe, *others)):
                if self._log.find(room_id, key, now_ms) is not None:
                    return named
        raise NotFound("reply_to_message_id: no such message in this room")

    def _delete(
        self, user_id: UserId, found: Entry, origin: ConnectionId | None, turn: Turn | None
    ) -> Entry:
        draft = Entry(
            room_id=found.room_id,
            region=self._region,
            seq=0,
            message_id=MessageId(""),
            kind=EntryKind.DELETION,
            sender_id=user_id,
            timestamp_ms=0,
            content={"region": found.region, "seq": found.seq},
            target_id=found.message_id,
            origin_id=origin,
        )
        if found.deleted and (first := self._deletion_of(found)) is not None:
            deletion = self._again(draft, first)
            self._enqueue(deletion)
            return deletion
        return self._append(draft, ids.deletion_dedupe(found.message_id), turn)

    def _deletion_of(self, deleted: Entry) -> Duplicate | None:
        """Return the deletion of a message under the dedupe key that earlier versions wrote.

        A user named `deletion` can have used that key for a message, so the entry is checked.
        """
        key = f"deletion#{deleted.message_id}"
        first = self._log.find(deleted.room_id, key, self._clock.now_ms())
        if first is None:
            return None
        entry = self._log.get(deleted.room_id, first.region, first.message_id)
        return first if entry is not None and entry.target_id == deleted.message_id else None

    def _append(self, draft: Entry, dedupe: str | None, turn: Turn | None) -> Entry:
        settled = self._appender.append(draft, dedupe, turn)
        entry = self._entry(draft, settled)
        if self._lane is not None and settled.alone:
            self._lane.deliver(entry, turn, lambda: self._enqueue(entry))
        else:
            self._enqueue(entry)
        return entry

    def _entry(self, draft: Entry, settled: Settled) -> Entry:
        at = settled.at
        if settled.fate is Fate.NO_TARGET:
            raise NotFound("the message does not exist")
        if settled.fate is Fate.FAILED or at is None:
            raise Internal("the entry cannot be stored")
        if settled.fate is Fate.DUPLICATE:
            return self._again(draft, at)
        return replace(draft, seq=at.seq, message_id=at.message_id, timestamp_ms=at.timestamp_ms)

    def _again(self, draft: Entry, first: Duplicate) -> Entry:
        """Return the stored first entry of a resend; the draft says only which device resends.

        Raises:
            Unavailable: The entry was written in another region and is not here yet.
        """
        stored = self._log.get(draft.room_id, first.region, first.message_id)
        if stored is None:
            raise Unavailable("the first attempt cannot be read yet, try again")
        return replace(stored, origin_id=draft.origin_id)

    def _enqueue(self, entry: Entry) -> None:
        """Queue the delivery; a resend of a message of another region names that entry.

        Raises:
            Unavailable: The queue does not answer, and no outbox will queue it.
        """
        own = entry.region == self._region
        try:
            self._delivery.send([DeliverEntry(entry=entry) if own else DeliverForeign(entry=entry)])
        except Unavailable:
            age_ms = self._clock.now_ms() - entry.timestamp_ms
            if own and entry.seq == 1 and age_ms < RECENT_MS:
                # A later entry's job is to begin here, however long the outage is. An older first
                # entry was perhaps delivered, and the cursor lost.
                self._cursors.note_new(entry.room_id, entry.region)
            if not (own and self._has_outbox):
                raise
            telemetry.log("WARNING", "job_left_to_outbox", room_id=entry.room_id, seq=entry.seq)
