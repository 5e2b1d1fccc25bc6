"""The messages of one room in two regions whose log is one, or not yet.

A replica has items in the order in which they arrive: an entry may be there before the one that
it follows, a dedupe item before its entry.
"""

from __future__ import annotations

from chalicelib.adapters.memory import MemoryCursors, MemoryMessageLog, MemoryQueue
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.contract.commands import SendMessage
from chalicelib.messaging.catch_up import CatchUp
from chalicelib.messaging.reading import MessageReader
from chalicelib.messaging.writing import MessageWriter
from chalicelib.model.identifiers import MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry
from tests.support.world import CountingIds, FakeClock

LOBBY = RoomId("lobby")
ALICE, BOB = UserId("alice"), UserId("bob")
US, EU = Region("us-east-1"), Region("eu-west-1")


class ReplicatedLog(MemoryMessageLog):
    """`late` entries have not arrived yet."""

    def __init__(self) -> None:
        super().__init__()
        self.late: set[MessageId] = set()

    def _sorted(self, room_id: RoomId, region: Region) -> list[Entry]:
        found = super()._sorted(room_id, region)
        return [entry for entry in found if entry.message_id not in self.late]

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None:
        return None if message_id in self.late else super().get(room_id, region, message_id)


class Regions:
    def __init__(self) -> None:
        self.log, self.clock, self.ids = ReplicatedLog(), FakeClock(), CountingIds()
        self.queues = {region: MemoryQueue() for region in (US, EU)}
        self.caches = {region: MemoryCache(self.ids, self.clock) for region in (US, EU)}
        self.reader = MessageReader(self.log, (US, EU))
        self.of = {
            region: MessageWriter(
                log=self.log,
                reader=self.reader,
                lines=self.caches[region],
                delivery=queue,
                cursors=MemoryCursors(),
                clock=self.clock,
                ids_=self.ids,
                region=region,
            )
            for region, queue in self.queues.items()
        }

    def send(
        self,
        region: Region,
        text: str,
        sender: UserId = ALICE,
        client_id: str | None = None,
        reply_to: str | None = None,
        room_id: str = LOBBY,
    ) -> Entry:
        self.clock.ms += 1
        command = SendMessage(
            conversation_id=room_id,
            message_type="text",
            content=text,
            client_message_id=client_id,
            reply_to_message_id=reply_to,
        )
        return self.of[region].send(sender, command, None, None)

    def sync(self, position: str, limit: int = 50) -> tuple[list[str], bool, bool, str]:
        catch_up = CatchUp(self.log, self.reader, self.caches[US], MemoryCursors(), self.clock)
        caught = catch_up.since({LOBBY: position}, limit)[LOBBY]
        contents = [str(entry.content) for entry in caught.entries]
        return contents, caught.recovered, caught.more, caught.position

    def history(
        self, before: Entry | None = None, after: Entry | None = None, limit: int = 50
    ) -> tuple[list[str], bool]:
        ids = [entry.message_id if entry is not None else None for entry in (before, after)]
        entries, more = self.reader.history(LOBBY, *ids, limit)
        return [str(entry.content) for entry in entries], more


def alternating(regions: Regions, count: int) -> list[Entry]:
    return [regions.send((US, EU)[n % 2], str(n)) for n in range(count)]
