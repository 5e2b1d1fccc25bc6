"""Sending and deleting messages with the durability that is asked for.

A `global` entry is in a second region before its sender gets the ack: this region has sent a spare
to a queue there. That region keeps it, and delivers it, if replication does not bring the entry
(`ForeignStreams.keep`). So nothing depends on this region from then on.

The spare is sent after the entry was stored. If no region takes it, a resend finds the stored entry
and sends the spare again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..contract.commands import SendMessage
from ..jobs.foreign import KeepSpare
from ..kernel import ids, telemetry
from ..kernel.errors import Unavailable
from ..kernel.settings import Alone, Settings
from ..model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ..model.lines import Turn
from ..model.log import Durability, Entry
from ..model.rooms import Role
from ..ports.queues import PeerQueues
from ..ports.system import Clock
from .postage import Postage
from .writing import MessageWriter

# A region that did not answer is not asked again for this long, so that not every sender waits.
REST_MS = 5_000
_STORED = "stored in this region only, as no other region answers: send it again, with the same id"
_NOTHING_STORED = "no other region answers, so nothing was stored: send it again"


@dataclass(frozen=True, slots=True)
class Stored:
    """A message that is in the log, and where it is kept."""

    entry: Entry
    durability: Durability


class SecondRegion:
    """Gives entries to another region, to keep them whatever becomes of this one."""

    def __init__(self, queues: PeerQueues, others: Sequence[Region], clock: Clock) -> None:
        self._queues = queues
        self._others = others
        self._clock = clock
        self._silent_until_ms: dict[Region, int] = {}

    def answers(self) -> bool:
        """Whether there is a region to ask now."""
        return bool(self._asked())

    def takes(self, entry: Entry) -> bool:
        """Send a spare to the first region that takes it; return whether one did."""
        for region in self._asked():
            others = tuple(each for each in self._others if each != region)
            if self._send(region, KeepSpare(entry=entry, others=others)):
                return True
        return False

    def pass_on(self, job: KeepSpare) -> None:
        """Send a spare from here to the further regions, as far as they answer.

        Replication brings it to them as a rule. But the region that wrote it may be lost when it
        has replicated it to some of them only.
        """
        for region in self._asked():
            if region in job.others:
                self._send(region, KeepSpare(entry=job.entry))

    def spread(self, entry: Entry) -> None:
        """Send an entry that another region wrote from here to the further ones, as `pass_on`."""
        others = tuple(each for each in self._others if each != entry.region)
        self.pass_on(KeepSpare(entry=entry, others=others))

    def _send(self, region: Region, job: KeepSpare) -> bool:
        try:
            self._queues.send(region, job)
        except Exception as fault:  # noqa: BLE001 - whatever is wrong there, another may take it
            self._silent_until_ms[region] = self._clock.now_ms() + REST_MS
            if isinstance(fault, Unavailable):
                telemetry.log("WARNING", "region_silent", other_region=region)
            else:
                telemetry.error("region_refuses", fault, other_region=region)
            return False
        return True

    def _asked(self) -> list[Region]:
        now_ms = self._clock.now_ms()
        return [each for each in self._others if self._silent_until_ms.get(each, 0) <= now_ms]


class Sending:
    def __init__(
        self,
        writer: MessageWriter,
        postage: Postage,
        second: SecondRegion,
        settings: Settings,
        region: Region,
    ) -> None:
        self._writer = writer
        self._postage = postage
        self._second = second
        self._settings = settings
        self._region = region

    def send(
        self,
        sender: UserId,
        command: SendMessage,
        origin: ConnectionId | None,
        turn: Turn | None,
    ) -> Stored:
        """Send a message, as `MessageWriter.send`, with what the sender and the room ask for.

        Raises:
            RateLimited: The sender cannot pay for its posts.
            Unavailable: Also when no other region takes a `global` message, if such messages are
                refused then. It may be stored, and delivered.
        """
        asked = Durability(command.durability)
        wanted = self._wanted(RoomId(command.conversation_id), asked)
        self._check(wanted)
        self._postage.pay(sender, command, turn)
        entry = self._writer.send(sender, command, origin, turn)
        return Stored(entry, self._secured([entry], wanted))

    def delete(
        self,
        user_id: UserId,
        role: Role,
        room_id: RoomId,
        message_id: MessageId,
        origin: ConnectionId | None,
        turn: Turn | None,
    ) -> None:
        """Delete a message, as `MessageWriter.delete`, with the durability of its room."""
        wanted = self._wanted(room_id, Durability.REGIONAL)
        self._check(wanted)
        deletions = self._writer.delete(user_id, role, room_id, message_id, origin, turn)
        self._secured(deletions, wanted)

    def _wanted(self, room_id: RoomId, asked: Durability) -> Durability:
        """A message may ask for more than its room has, and not for less."""
        settings = self._settings
        of_room = settings.room_durability.get(ids.room_type(room_id), settings.durability)
        return Durability.GLOBAL if Durability.GLOBAL in (asked, of_room) else of_room

    def _check(self, wanted: Durability) -> None:
        """Refuse what would be refused after it was stored, if that is known before."""
        refuses = self._settings.global_alone is Alone.REFUSE
        if wanted is Durability.GLOBAL and refuses and not self._second.answers():
            raise Unavailable(_NOTHING_STORED, REST_MS)

    def _secured(self, entries: Sequence[Entry], wanted: Durability) -> Durability:
        """Bring stored entries to a second region if that is wanted; return where they are."""
        if wanted is Durability.REGIONAL:
            return wanted
        if all(self._is_in_two(entry) for entry in entries):
            return Durability.GLOBAL
        if self._settings.global_alone is Alone.REFUSE:
            raise Unavailable(_STORED, REST_MS)
        return Durability.REGIONAL

    def _is_in_two(self, entry: Entry) -> bool:
        """Whether an entry is in a second region; sends it there, if this one wrote it.

        What another region wrote and is here, is in two. A third one may still lack it, if the
        first was lost before it could send a spare: this region does that in its place.
        """
        if entry.region == self._region:
            return self._second.takes(entry)
        self._second.spread(entry)
        return True
