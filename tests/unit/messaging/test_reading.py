"""History, and entries by their seq, in two regions whose log is one."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import rest
from tests.support.regions import LOBBY, US, Regions, alternating
from tests.support.world import World


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


def test_between_two_seqs(regions: Regions) -> None:
    for n in range(1, 6):
        regions.send(US, str(n))
    found = regions.reader.entries_between(LOBBY, US, 1, 4)
    assert [entry.seq for entry in found] == [2, 3, 4]


@pytest.fixture
def world() -> World:
    return World()


def send(world: World, connection: str, text: str, **more: str) -> dict:
    data = {"conversation_id": "lobby", "message_type": "text", "content": text, **more}
    return world.act(connection, "send_message", **data)


def test_history_pages_in_both_directions(world: World) -> None:
    world.room("alice", "bob")
    alice = world.connect("alice")
    sent = [send(world, alice, str(n))["message_id"] for n in range(7)]
    page = world.http(rest.list_messages, "bob", room_id="lobby", query={"limit": "3"}).body
    assert [m["message_id"] for m in page["messages"]] == sent[4:]
    assert page["more"]
    query = {"limit": "9", "before": page["next"]}
    older = world.http(rest.list_messages, "bob", room_id="lobby", query=query).body
    assert [m["message_id"] for m in older["messages"]] == sent[:4]
    assert not older["more"]
    query = {"limit": "2", "after": sent[0]}
    newer = world.http(rest.list_messages, "bob", room_id="lobby", query=query).body
    assert [m["message_id"] for m in newer["messages"]] == sent[1:3]
