"""Outages of half a minute and of an hour: what waited is delivered when the service is back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.composition import compose
from chalicelib.jobs.base import RawJob
from chalicelib.jobs.outbound import CheckPresence
from chalicelib.kernel.errors import CacheDown, Unavailable
from chalicelib.messaging import slow
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId, UserId
from tests.support.deliveries import arrived, got, jobs, send, serve
from tests.support.sqs import Sqs
from tests.support.world import World

BACK_S = 60  # what waited is delivered within this time of the service's return
STORES = ("log", "cursors", "rooms", "connections", "presence", "friends")


class Outage:
    """Ports that fail while `on`: every call raises, and nothing is done.

    Of a queue only `send` fails: if SQS answered nothing, no job would be received.
    """

    def __init__(self, world: World, ports: tuple[str, ...], fault: type[Exception]) -> None:
        self.on = False
        self.fault = fault
        wrapped = {name: _Away(getattr(world.adapters, name), self) for name in ports}
        world.services = compose(world.settings, replace(world.adapters, **wrapped))


class _Away:
    def __init__(self, inner: Any, outage: Outage) -> None:
        self._inner, self._outage = inner, outage

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if callable(found) and self._outage.on and name != "hide":
            return self._fail
        return found

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise self._outage.fault("away")


def people(world: World) -> tuple[str, str]:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.pump(until_ms=world.clock.ms)
    return alice, bob


@pytest.mark.parametrize("seconds", [31, 600, 3_600])
@pytest.mark.parametrize("split_over", [500, 1], ids=["small room", "large room"])
@pytest.mark.parametrize(
    ("ports", "fault"),
    [
        (STORES, Unavailable),
        (("cache", "sessions", "trails", *STORES), CacheDown),
        (("delivery", "outbound"), Unavailable),
    ],
    ids=["DynamoDB", "DynamoDB and Redis", "sends to SQS"],
)
def test_what_waits_for_a_service_is_delivered_when_it_is_back(
    ports: tuple[str, ...], fault: type[Exception], split_over: int, seconds: int
) -> None:
    world = World(split_over=split_over)
    alice, bob = people(world)
    outage, sqs = Outage(world, ports, fault), Sqs(world)
    send(world, alice, "one", "two")
    world.adapters.outbound.send([CheckPresence(user_id=UserId("bob"))])
    outage.on = True
    sqs.run(seconds)
    outage.on = False
    sqs.run(BACK_S)
    assert [each["content"] for each in arrived(world, bob)] == ["one", "two"]
    assert sqs.lost == world.adapters.delivery_dead.jobs == world.adapters.outbound_dead.jobs == []
    assert world.adapters.delivery.jobs == []
    assert [job.kind for job in world.adapters.outbound.jobs if job.delay_s < 60] == []


@pytest.mark.parametrize("seconds", [31, 600, 3_600])
@pytest.mark.parametrize("outcome", [Outcome.UNSENT, Outcome.BUSY])
@pytest.mark.parametrize("split_over", [500, 1], ids=["small room", "large room"])
def test_posts_that_cannot_be_made_close_nobody_and_are_made_later(
    outcome: Outcome, split_over: int, seconds: int
) -> None:
    world = World(split_over=split_over)
    alice, bob = people(world)
    sqs = Sqs(world)
    world.poster.rule = lambda each: outcome
    send(world, alice, "one")
    sqs.run(seconds / 2)
    send(world, alice, "two")
    sqs.run(seconds / 2)
    world.poster.rule = lambda each: None
    sqs.run(BACK_S)
    assert got(world, bob) == ["one", "two"]
    assert world.poster.closed == sqs.lost == []
    assert world.adapters.delivery_dead.jobs == world.adapters.outbound_dead.jobs == []


def test_posts_that_fail_for_many_are_no_fault_of_theirs() -> None:
    world = World()
    world.room("alice", *(f"u{number}" for number in range(8)))
    alice = world.connect("alice")
    devices = [world.connect(f"u{number}") for number in range(8)]
    sqs = Sqs(world)
    sqs.run(0)
    world.poster.rule = lambda each: Outcome.FAILED
    send(world, alice, "one")
    sqs.run(3_600)
    assert jobs(world, "direct") == [], "the room waits"
    world.poster.rule = lambda each: None
    sqs.run(BACK_S)
    assert [got(world, device) for device in devices] == [["one"]] * 8
    assert world.poster.closed == []


def test_the_receives_of_an_outage_do_not_count_against_a_slow_connection() -> None:
    world = World()
    alice, bob = people(world)
    outage, sqs = Outage(world, ("cursors",), Unavailable), Sqs(world)
    world.poster.script[bob] = [Outcome.THROTTLED] * 4
    send(world, alice, "one")
    assert serve(world, *jobs(world, "entry"))
    outage.on = True
    world.poster.rule = lambda each: Outcome.BUSY
    sqs.run(600)
    outage.on = False
    world.poster.rule = lambda each: None
    sqs.run(BACK_S)
    assert got(world, bob) == ["one"], "three refusals after the outage are three, not thirty"
    assert world.poster.closed == []


def test_one_that_refuses_for_itself_is_closed_after_three_retries() -> None:
    world = World()
    alice, bob = people(world)
    world.cache.note_posts(1_000, 0)
    sqs = Sqs(world)
    world.poster.rule = lambda each: Outcome.THROTTLED if each == bob else None
    send(world, alice, "one")
    sqs.run(8)
    assert world.poster.closed == [bob]
    assert [job.kind for job in world.adapters.outbound_dead.jobs] == ["direct"]


@pytest.mark.parametrize("kind", ["presence_due", "of_the_next_version"])
def test_what_fails_for_its_own_sake_ends_after_some_attempts(kind: str) -> None:
    world = World()
    broken = RawJob(kind, {"renamed": 1})
    world.adapters.outbound.send([broken])
    sqs = Sqs(world)
    sqs.run(600)
    assert world.adapters.outbound.jobs == sqs.lost == []
    assert [job.record() for job in world.adapters.outbound_dead.jobs] == [broken.record()]


def test_a_job_that_kills_its_workers_ends_before_the_queue_gives_it_up() -> None:
    world = World()
    alice, bob = people(world)
    sqs = Sqs(world)
    send(world, alice, "one")
    sqs.run(1)
    send(world, alice, "deadly")
    for _ in range(20):
        world.poster.dies_in(0)
        sqs.run(120)
    world.poster.dies_in(None)
    assert [job.kind for job in world.adapters.delivery_dead.jobs] == ["entry"]
    send(world, alice, "two")
    sqs.run(BACK_S)
    assert got(world, bob) == ["one", "deadly", "two"], (
        "the stream's next job delivers from the cursor"
    )


def test_a_job_that_waited_long_is_not_taken_for_one_that_kills() -> None:
    world = World()
    alice, bob = people(world)
    outage, sqs = Outage(world, STORES, Unavailable), Sqs(world)
    send(world, alice, "one")
    outage.on = True
    sqs.run(3_600)
    outage.on = False
    world.poster.dies_in(0)
    sqs.run(31)
    world.poster.dies_in(None)
    sqs.run(150)
    assert got(world, bob) == ["one"]
    assert world.adapters.delivery_dead.jobs == []


@pytest.mark.parametrize("minutes", [1, 10])
@pytest.mark.parametrize("seen_as", [Outcome.BUSY, Outcome.THROTTLED, Outcome.FAILED])
def test_an_account_that_is_throttled_closes_nobody_and_loses_nothing(
    seen_as: Outcome, minutes: int
) -> None:
    """A process that posts little takes the account's 429s for its few connections' own."""
    world = World(split_over=40)
    sqs = Sqs(world)
    rooms = {f"room{number}": number for number in (1, 2, 4, 60)}
    devices: dict[str, list[str]] = {}
    for room, members in rooms.items():
        users = [f"{room}-{number}" for number in range(members)]
        world.room("alice", *users, room_id=room)
        devices[room] = [world.connect(user) for user in users]
    alice = world.connect("alice")
    sqs.run(0)

    def throttled(connection_id: ConnectionId) -> Outcome:
        world.cache.note_posts(0, 1)  # as the post client does
        return seen_as

    world.poster.rule = throttled
    for text in ("one", "two", "three"):
        for room in rooms:
            body = {"conversation_id": room, "message_type": "text", "content": text}
            world.act(alice, "send_message", **body)
        sqs.run(minutes * 20)
    world.poster.rule = lambda each: None
    world.cache.note_posts(10_000, 0)
    sqs.run(BACK_S)
    for room in rooms:
        assert [got(world, each) for each in devices[room]] == [["one", "two", "three"]] * rooms[
            room
        ]
    assert world.poster.closed == sqs.lost == []


def test_marks_of_the_behind_stay_small() -> None:
    """An item of DynamoDB is paid for by its size, with each write to it."""
    assert slow.MOST_BEHIND * 50 <= 5_000
