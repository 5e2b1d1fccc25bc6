"""Reading and writing in two regions that share one log, on both adapters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.memory import MemoryQueue
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.contract.commands import SendMessage
from chalicelib.kernel import ids, tails
from chalicelib.messaging.catch_up import CatchUp
from chalicelib.messaging.combining import stamped
from chalicelib.messaging.history import History
from chalicelib.messaging.reading import MessageReader
from chalicelib.messaging.writing import MessageWriter
from chalicelib.model.identifiers import MessageId, Region
from chalicelib.model.log import Committed, Entry
from chalicelib.model.rooms import Role
from tests.support.stores import ANNA, HERE, LOBBY, THERE, Stores
from tests.support.world import CountingIds, FakeClock


class Side:
    """One region's reading and writing."""

    def __init__(self, stores: Stores, clock: FakeClock, entropy: CountingIds, own: Region) -> None:
        cache, other = MemoryCache(entropy, clock), THERE if own == HERE else HERE
        self.clock = clock
        self.reader = MessageReader(stores.log, (own, other))
        self.catch_up = CatchUp(stores.log, self.reader, cache, stores.cursors, clock)
        self.history = History(self.reader, self.catch_up)
        self.writer = MessageWriter(
            log=stores.log,
            reader=self.reader,
            lines=cache,
            delivery=MemoryQueue(),
            cursors=stores.cursors,
            clock=clock,
            ids_=entropy,
            region=own,
        )

    def send(self, text: str, client_id: str | None = None) -> Entry:
        self.clock.ms += 1
        command = SendMessage(
            conversation_id=LOBBY, message_type="text", content=text, client_message_id=client_id
        )
        return self.writer.send(ANNA, command, None, None)


@pytest.fixture
def sides(stores: Stores) -> tuple[Side, Side]:
    clock, entropy = FakeClock(), CountingIds()
    return Side(stores, clock, entropy, HERE), Side(stores, clock, entropy, THERE)


def contents(entries: list[Entry]) -> list[str]:
    return [str(entry.content) for entry in entries]


def test_both_read_what_either_wrote(sides: tuple[Side, Side]) -> None:
    here, _ = sides
    here.send("0")
    position = here.reader.position(LOBBY)
    for number in range(1, 5):
        sides[number % 2].send(str(number))
    for side in sides:
        caught = side.catch_up.since({LOBBY: position}, 10)[LOBBY]
        assert (contents(caught.entries), caught.recovered) == (["1", "2", "3", "4"], True)
        assert caught.position == side.reader.position(LOBBY)
        page = side.history.page(LOBBY, None, None, 3)
        assert (contents(page.entries), page.more) == (["2", "3", "4"], True)


def test_a_resend_elsewhere_is_the_stored_message(sides: tuple[Side, Side]) -> None:
    here, there = sides
    first = here.send("once", "c1")
    again = there.send("another", "c1")
    assert (again.message_id, again.content) == (first.message_id, "once")
    assert contents(there.history.page(LOBBY, None, None, 9).entries) == ["once"]


def test_a_pair_becomes_one(stores: Stores, sides: tuple[Side, Side]) -> None:
    here, there = sides
    first = here.send("once", "c1")
    texts = [str(number) for number in range(12)]
    for text in texts:
        there.send(text)
    # As if the first had not been there when the resend came.
    stream = (LOBBY, THERE)
    last = stores.log.heads([stream])[stream]
    there.clock.ms += 1
    draft = replace(first, region=THERE, seq=0, message_id=MessageId(""))
    second = stamped(draft, last, there.clock.ms, 7)
    dedupe = ids.message_dedupe(ANNA, "c1", THERE)
    assert stores.log.commit(second, last, dedupe, there.clock.ms) == Committed()

    assert there.writer.arrived(first) is False
    assert here.writer.arrived(second) is True
    for side in sides:
        page = side.history.page(LOBBY, None, "0" * 26, 10)
        rest = side.history.page(LOBBY, None, page.next, 10)
        assert contents([*page.entries, *rest.entries]) == ["once", *texts]
        found = side.reader.first_copy(LOBBY, second.message_id)
        assert found is not None
        assert found.message_id == first.message_id
    tail = stores.log.heads([stream])[stream].tail
    assert [seq for seq, author in tail.items() if author == tails.NOBODY] == [second.seq]
    there.writer.delete(ANNA, Role.OWNER, LOBBY, second.message_id, None, None)
    for entry in (first, second):
        stored = stores.log.get(LOBBY, entry.region, entry.message_id)
        assert stored is not None
        assert (stored.deleted, stored.content) == (True, None)


def test_a_deletion_reaches_the_other_region_s_message(sides: tuple[Side, Side]) -> None:
    here, there = sides
    message = here.send("secret", "c1")
    there.writer.delete(ANNA, Role.OWNER, LOBBY, message.message_id, None, None)
    for side in sides:
        [entry] = side.history.page(LOBBY, None, None, 9).entries
        assert (entry.deleted, entry.content) == (True, None)
