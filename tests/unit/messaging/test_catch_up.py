"""`sync`: what came after a position, in two regions whose log is one, or not yet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.composition import compose
from tests.support.regions import LOBBY, US, Regions, alternating
from tests.support.world import World


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


class Entries:
    """Counts the entries that are read from the log of a world from now on."""

    def __init__(self, world: World) -> None:
        self._inner, self.entries = world.adapters.log, 0
        while isinstance(self._inner, Entries):
            self._inner = self._inner._inner
        world.adapters = replace(world.adapters, log=self)  # type: ignore[arg-type]
        world.services = compose(world.settings, world.adapters)

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)

        def call(*args: Any, **more: Any) -> Any:
            found = target(*args, **more)
            self.entries += len(found) if name in ("after", "before") else 0
            return found

        return call


def test_what_does_not_fit_is_not_read() -> None:
    world = World()
    rooms = [world.room("alice", "bob", room_id=f"room{number}") for number in range(6)]
    alice, bob = world.connect("alice"), world.connect("bob")
    body = {"message_type": "text", "content": "x" * 50_000}
    positions = {}
    for room in rooms:
        sent = world.act(alice, "send_message", conversation_id=room, **body)
        positions[room] = sent["position"]
        if room != rooms[-1]:
            for _ in range(3):
                world.clock.ms += 1000
                world.act(alice, "send_message", conversation_id=room, **body)
    world.cache.flush()
    world.act(bob, "hello")
    for given in ({}, positions):
        read = Entries(world)
        answer = world.act(bob, "sync", positions=given)["conversations"]
        found = [len(answer[room]["messages"]) for room in rooms]
        assert found[:2] == [2, 0]
        assert [answer[room]["more"] for room in rooms[1:5]] == [True] * 4
        assert read.entries <= 2 * 4 + len(rooms), "two rooms, and where each begins to be unread"
    assert answer[rooms[-1]]["more"] is False, "nothing is new there"
    seen: dict[str, list[str]] = {room: [] for room in rooms}
    while positions:
        answer = world.act(bob, "sync", positions=positions)["conversations"]
        for room, found_ in answer.items():
            seen[room] += [each["message_id"] for each in found_["messages"]]
        positions = {room: each["position"] for room, each in answer.items() if each["more"]}
    assert [len(seen[room]) for room in rooms] == [3] * 5 + [0]
