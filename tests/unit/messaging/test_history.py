"""Pages of history: by message id, and by position."""

from __future__ import annotations

import pytest

from chalicelib.adapters.memory import MemoryCursors
from chalicelib.kernel.errors import Conflict
from chalicelib.messaging.catch_up import CatchUp
from chalicelib.messaging.history import History
from tests.support.counting import counted
from tests.support.regions import EU, LOBBY, US, Regions, alternating
from tests.support.world import World


@pytest.fixture
def history(regions: Regions) -> History:
    catch_up = CatchUp(
        regions.log, regions.reader, regions.caches[US], MemoryCursors(), regions.clock
    )
    return History(regions.reader, catch_up)


def test_forward_pages_go_on_from_their_positions(regions: Regions, history: History) -> None:
    alternating(regions, 7)
    found, after = [], "0" * 26
    for _ in range(4):
        page = history.page(LOBBY, None, after, 2)
        found += [entry.content for entry in page.entries]
        assert page.position == page.next
        after = str(page.next)
    assert (found, page.more) == ([str(n) for n in range(7)], False)
    regions.send(EU, "7")
    assert [e.content for e in history.page(LOBBY, None, after, 2).entries] == ["7"]


def test_backward_pages_go_on_from_their_oldest_message(regions: Regions, history: History) -> None:
    sent = alternating(regions, 5)
    newest = history.page(LOBBY, None, None, 2)
    assert (newest.next, newest.position) == (sent[3].message_id, regions.reader.position(LOBBY))
    older = history.page(LOBBY, sent[3].message_id, None, 9)
    assert [entry.content for entry in older.entries] == ["0", "1", "2"]
    assert older.position is None


def test_what_a_position_does_not_cover_below_an_id(regions: Regions, history: History) -> None:
    sent = alternating(regions, 5)
    start = f"us-east-1:1:{sent[0].message_id}"
    after = history.page(LOBBY, None, start, 9)
    below = history.page(LOBBY, sent[3].message_id, start, 9)
    expected = [entry for entry in after.entries if entry.message_id < sent[3].message_id]
    assert below.entries == expected
    assert (below.next, below.position) == (after.next, None)


def test_positions_that_cannot_be_used(regions: Regions, history: History) -> None:
    sent = alternating(regions, 2)
    with pytest.raises(Conflict):
        history.page(LOBBY, None, f"us-east-1:9:{sent[1].message_id}", 9)


def test_in_one_region_a_page_costs_one_read() -> None:
    world = World()
    world.room("alice")
    device = world.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    ack = world.act(device, "send_message", **body)
    ports = counted(world)
    page = world.services.history.page(LOBBY, None, None, 9)
    assert ports["log"].calls == ["before"]
    assert (page.next, page.position) == (ack["message_id"], ack["position"])
