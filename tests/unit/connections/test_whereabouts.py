"""In which other regions users are connected: what is read, remembered and forgotten."""

from __future__ import annotations

import pytest

from chalicelib.adapters.memory import MemoryPresenceStore
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.connections.whereabouts import MOST_LOOKED_FOR, Whereabouts
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.identifiers import Region, UserId
from chalicelib.model.presence import Presence, Status
from tests.support.counting import Counting
from tests.support.world import CountingIds, FakeClock

EU, AP = Region("eu-west-1"), Region("ap-southeast-1")
ALICE, BOB = UserId("alice"), UserId("bob")


class Rig:
    def __init__(self, *peers: Region) -> None:
        self.clock = FakeClock()
        self.store = MemoryPresenceStore()
        self.cache = MemoryCache(CountingIds(), self.clock)
        self.reads = Counting(self.store)
        self.whereabouts = Whereabouts(self.reads, self.cache, peers)  # type: ignore[arg-type]

    def show(self, user: UserId, region: Region, status: Status, version: int = 1) -> None:
        assert self.store.change(Presence(user, region, status, version=version), reset=False)


@pytest.fixture
def rig() -> Rig:
    return Rig(EU, AP)


def test_the_regions_of_all_users_together(rig: Rig) -> None:
    rig.show(ALICE, EU, Status.ONLINE)
    rig.show(BOB, AP, Status.AWAY)
    assert rig.whereabouts.of([ALICE, BOB]) == {EU, AP}
    assert rig.whereabouts.of([ALICE]) == {EU}
    assert rig.whereabouts.of([]) == set()


def test_whoever_has_left_or_never_came_is_nowhere(rig: Rig) -> None:
    rig.show(ALICE, EU, Status.ONLINE)
    rig.show(ALICE, EU, Status.OFFLINE, version=2)
    assert rig.whereabouts.of([ALICE, BOB]) == set()


def test_whoever_hides_is_there(rig: Rig) -> None:
    rig.show(ALICE, EU, Status.OFFLINE)
    rig.store.choose(ALICE, EU, Status.OFFLINE, 1)
    assert rig.whereabouts.of([ALICE]) == {EU}


def test_what_was_read_is_known_for_a_minute(rig: Rig) -> None:
    for seconds, reads in ((0, 1), (59, 1), (1, 2)):
        rig.clock.ms += seconds * 1000
        assert rig.whereabouts.of([ALICE, BOB]) == set()
        assert rig.reads.calls == ["get_many"] * reads


def test_a_change_makes_it_read_again_for_that_user(rig: Rig) -> None:
    assert rig.whereabouts.of([ALICE, BOB]) == set()
    rig.show(ALICE, EU, Status.ONLINE)
    assert rig.whereabouts.of([ALICE, BOB]) == set()
    rig.whereabouts.changed(ALICE)
    assert rig.whereabouts.of([ALICE, BOB]) == {EU}
    assert len(rig.reads.calls) == 2


def test_many_users_are_not_looked_for(rig: Rig) -> None:
    users = [UserId(f"user{number}") for number in range(MOST_LOOKED_FOR + 1)]
    assert rig.whereabouts.of(users) == {EU, AP}
    assert rig.reads.calls == []
    assert rig.whereabouts.of(users[1:]) == set()


def test_with_one_region_nothing_is_asked() -> None:
    rig = Rig()
    rig.cache.down = True
    assert rig.whereabouts.of([ALICE]) == set()
    assert rig.reads.calls == []


def test_without_the_cache_it_is_not_known(rig: Rig) -> None:
    rig.cache.down = True
    with pytest.raises(CacheDown):
        rig.whereabouts.of([ALICE])
    assert rig.reads.calls == [], "nothing bounds how often it would be read"
    rig.whereabouts.changed(ALICE)
