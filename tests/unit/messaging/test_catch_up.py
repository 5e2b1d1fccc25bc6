"""The log as `Messages` reads and writes it, in two regions whose log is one, or not yet.

A replica has items in the order in which they arrive: an entry may be there before the one that
it follows, a dedupe item before its entry.
"""

from __future__ import annotations

import pytest

from chalicelib.adapters.memory import MemoryMessageLog, MemoryQueue
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.contract.commands import SendMessage
from chalicelib.kernel.errors import PermissionDenied
from chalicelib.messaging.catch_up import CatchUp
from chalicelib.messaging.reading import MessageReader
from chalicelib.messaging.writing import MessageWriter
from chalicelib.model.identifiers import MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry
from chalicelib.model.rooms import Role
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

    def restore(self, entry: Entry) -> None:
        self.late.discard(entry.message_id)
        super().restore(entry)


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
                tickets=self.caches[region],
                delivery=queue,
                clock=self.clock,
                ids_=self.ids,
                region=region,
            )
            for region, queue in self.queues.items()
        }

    def send(
        self, region: Region, text: str, sender: UserId = ALICE, client_id: str | None = None
    ) -> Entry:
        self.clock.ms += 1
        command = SendMessage(
            conversation_id=LOBBY, message_type="text", content=text, client_message_id=client_id
        )
        return self.of[region].send(sender, command, None, None)

    def sync(self, position: str, limit: int = 50) -> tuple[list[str], bool, bool, str]:
        caught = CatchUp(self.log, self.reader, self.caches[US]).since({LOBBY: position}, limit)[
            LOBBY
        ]
        contents = [str(entry.content) for entry in caught.entries]
        return contents, caught.recovered, caught.more, caught.position

    def history(
        self, before: Entry | None = None, after: Entry | None = None, limit: int = 50
    ) -> tuple[list[str], bool]:
        ids = [entry.message_id if entry is not None else None for entry in (before, after)]
        entries, more = self.reader.history(LOBBY, *ids, limit)
        return [str(entry.content) for entry in entries], more


@pytest.fixture
def regions() -> Regions:
    return Regions()


def alternating(regions: Regions, count: int) -> list[Entry]:
    return [regions.send((US, EU)[n % 2], str(n)) for n in range(count)]


def test_history_has_one_order_over_all_regions(regions: Regions) -> None:
    sent = alternating(regions, 9)
    assert regions.history() == ([str(n) for n in range(9)], False)
    assert regions.history(limit=4) == (["5", "6", "7", "8"], True)
    assert regions.history(before=sent[5], limit=4) == (["1", "2", "3", "4"], True)
    assert regions.history(after=sent[2], limit=4) == (["3", "4", "5", "6"], True)


def test_a_page_between_two_messages_has_neither_of_them(regions: Regions) -> None:
    sent = alternating(regions, 9)
    assert regions.history(before=sent[6], after=sent[2]) == (["3", "4", "5"], False)
    assert regions.history(before=sent[6], after=sent[2], limit=2) == (["3", "4"], True)


def test_sync_brings_what_all_regions_wrote_once(regions: Regions) -> None:
    alternating(regions, 2)
    position, seen = regions.reader.position(LOBBY), list[str]()
    alternating(regions, 9)
    more = True
    while more:
        contents, recovered, more, position = regions.sync(position, limit=2)
        assert recovered
        seen += contents
    assert sorted(seen) == [str(n) for n in range(9)]
    assert [n for n in seen if int(n) % 2] == ["1", "3", "5", "7"], "in the order of a region"
    assert regions.sync(position) == ([], True, False, position)


def test_a_clock_that_is_behind_puts_nothing_before_what_was_there(regions: Regions) -> None:
    regions.send(US, "early")
    regions.clock.ms -= 60_000
    regions.send(US, "late")
    assert regions.history() == (["early", "late"], False)


def test_a_resend_in_another_region_is_no_second_message(regions: Regions) -> None:
    first = regions.send(US, "once", client_id="c1")
    again = regions.send(EU, "once", client_id="c1")
    assert (again.message_id, again.seq, again.region) == (first.message_id, 1, US)
    assert regions.history() == (["once"], False)
    [job] = regions.queues[EU].jobs
    assert job.entry.message_id == first.message_id


def test_a_resend_brings_the_entry_that_is_not_there_yet(regions: Regions) -> None:
    first = regions.send(US, "once", client_id="c1")
    regions.log.late = {first.message_id}
    assert regions.history() == ([], False)
    regions.send(EU, "once", client_id="c1")
    assert regions.history() == (["once"], False)


def test_two_senders_may_use_the_same_client_message_id(regions: Regions) -> None:
    regions.send(US, "of alice", ALICE, "1")
    regions.send(US, "of bob", BOB, "1")
    assert regions.history() == (["of alice", "of bob"], False)


@pytest.mark.parametrize(
    ("late", "contents", "recovered"),
    [
        ("1", ["0", "2", "3"], False),  # nothing follows the position: the newest, and no promise
        ("2", ["1"], True),  # up to the hole
        ("3", ["1", "2"], True),
    ],
)
def test_sync_never_leaps_over_what_has_not_arrived(
    regions: Regions, late: str, contents: list[str], recovered: bool
) -> None:
    sent = {"0": regions.send(US, "0")}
    position = regions.reader.position(LOBBY)
    sent |= {str(n): regions.send(US, str(n)) for n in (1, 2, 3)}
    regions.log.late = {sent[late].message_id}
    got, said, more, reached = regions.sync(position)
    assert (got, said, more) == (contents, recovered, recovered)
    regions.log.late = set()
    rest, *_ = regions.sync(reached)
    assert not recovered or got + rest == ["1", "2", "3"]


def test_what_the_cache_has_is_no_proof_that_it_is_all(regions: Regions) -> None:
    regions.send(US, "0")
    position = regions.reader.position(LOBBY)
    sent = [regions.send(US, str(n)) for n in (1, 2, 3)]
    for held in (sent[2:], sent[::2], sent[:2]):
        regions.caches[US].flush()
        regions.caches[US].deliver(LOBBY, held)
        contents, recovered, more, _ = regions.sync(position)
        assert (contents, recovered, more) == (["1", "2", "3"], True, False)


def test_a_position_of_another_past_is_not_recovered(regions: Regions) -> None:
    """The same seq with another entry: this region was lost and came back without its last."""
    other = Regions()
    other.send(US, "lost")
    regions.clock.ms += 5
    regions.send(US, "kept")
    contents, recovered, *_ = regions.sync(other.reader.position(LOBBY))
    assert (contents, recovered) == (["kept"], False)


def test_only_who_manages_a_room_deletes_what_others_wrote(regions: Regions) -> None:
    entry = regions.send(US, "mine")
    delete = regions.of[EU].delete
    with pytest.raises(PermissionDenied):
        delete(BOB, Role.MEMBER, LOBBY, entry.message_id, None, None)
    delete(BOB, Role.ADMIN, LOBBY, entry.message_id, None, None)
    assert regions.history() == (["None"], False)


def test_between_two_seqs(regions: Regions) -> None:
    for n in range(1, 6):
        regions.send(US, str(n))
    found = regions.reader.entries_between(LOBBY, US, 1, 4)
    assert [entry.seq for entry in found] == [2, 3, 4]
