"""Publishing never costs what was posted here: whatever fails is counted, and then it rests."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.jobs.relayed import RelayTyping
from chalicelib.kernel.errors import Unavailable
from chalicelib.messaging.broadcast import REST_MS, Broadcast
from chalicelib.model.delivery import Delivering
from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.rooms import LargeRoom, Role
from tests.support.world import FakeClock

US, EU = Region("us-east-1"), Region("eu-west-1")
LOBBY, ALICE = RoomId("lobby"), UserId("alice")
JOB = RelayTyping(region=US, at_ms=1, room_id=LOBBY, user_id=ALICE, is_typing=True)


class Around:
    """Members, whereabouts and the topic, which raises `fault`, if it is set.

    Attributes:
        meanwhile: Done once, while the topic is called.
        asked: Users whose regions were asked for.
    """

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None
        self.regions = frozenset({EU})
        self.asked: list[Any] = []
        self.known = Delivering("v1", {ALICE: Role.OWNER})
        self.tries = 0

    def deliver(self, room_id: RoomId, entries: tuple[()]) -> Delivering:
        assert (room_id, entries) == (LOBBY, ())
        return self.known

    def fill(self, room_id: RoomId, version: str | None) -> dict[UserId, Role]:
        assert (room_id, version) == (LOBBY, "v1")
        return {ALICE: Role.OWNER, UserId("carol"): Role.MEMBER}

    def of(self, users: Any) -> frozenset[Region]:
        self.asked.append(users if isinstance(users, LargeRoom) else list(users))
        return self.regions

    def publish(self, job: RelayTyping, regions: Any) -> None:
        assert (job, regions) == (JOB, {EU})
        self.tries += 1
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def broadcast(around: Any, clock: FakeClock, several: bool = True) -> Broadcast:
    return Broadcast(around, around, around, around, clock, several=several)


def counts(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [json.loads(each.message) for each in caplog.records]
    return [name for line in lines for name in line if name.startswith("events_")]


def test_for_a_room_its_members_count_and_for_a_user_only_they(
    around: Around, clock: FakeClock
) -> None:
    sender = broadcast(around, clock)
    assert sender.to_room(JOB, LOBBY)
    assert sender.to_user(JOB, UserId("bob"))
    assert (around.asked, around.tries) == ([[ALICE], [UserId("bob")]], 2)


def test_members_who_are_not_cached_are_read(around: Around, clock: FakeClock) -> None:
    around.known = Delivering("v1", None)
    assert broadcast(around, clock).to_room(JOB, LOBBY)
    assert around.asked == [[ALICE, UserId("carol")]]


def test_the_members_of_a_large_room_are_not_read(around: Around, clock: FakeClock) -> None:
    large = LargeRoom(LOBBY, "v1", 10_000)
    around.known = Delivering("v1", large)
    assert broadcast(around, clock).to_room(JOB, LOBBY)
    assert around.asked == [large]


def test_where_nobody_is_nothing_is_published(around: Around, clock: FakeClock) -> None:
    around.regions = frozenset()
    assert broadcast(around, clock).to_room(JOB, LOBBY)
    assert around.tries == 0


def test_with_one_region_nobody_is_asked(around: Around, clock: FakeClock) -> None:
    sender = broadcast(around, clock, several=False)
    assert sender.to_room(JOB, LOBBY)
    assert sender.to_user(JOB, ALICE)
    assert (around.asked, around.tries) == ([], 0)


def test_events_of_other_threads_do_not_wait_for_one(around: Around, clock: FakeClock) -> None:
    sender, published = broadcast(around, clock), list[bool]()
    around.meanwhile = lambda: published.append(sender.to_room(JOB, LOBBY))
    assert sender.to_room(JOB, LOBBY)
    assert (published, around.tries) == ([True], 2)


@pytest.mark.parametrize("fault", [Unavailable("away"), ValueError("not a region's topic")])
def test_a_failure_is_counted_and_then_it_rests(
    around: Around, clock: FakeClock, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    caplog.set_level(logging.INFO)
    sender = broadcast(around, clock)
    around.fault = fault
    assert not sender.to_room(JOB, LOBBY)
    around.fault = None
    assert not sender.to_room(JOB, LOBBY)
    assert around.tries == 1
    clock.ms += REST_MS
    assert sender.to_room(JOB, LOBBY)
    assert sender.to_room(JOB, LOBBY)
    assert around.tries == 3
    assert counts(caplog) == ["events_not_published"] * 2 + ["events_published"] * 2
