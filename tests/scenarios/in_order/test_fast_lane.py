"""A room is delivered by its worker and its senders: each device sees one order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId
from tests.support.deliveries import HERE, LOBBY, arrived, behind, got, jobs, send, serve
from tests.support.interleaving import before
from tests.support.lanes import laned, shown, warmed, work
from tests.support.socketio import Device
from tests.support.world import World

# The calls of a lane; something else happens right before each.
CALLS = [
    ("delivery", "send"),
    ("cache", "take_lane"),
    ("poster", "post"),
    ("cursors", "advance"),
    ("cache", "release_lease"),
]


@pytest.fixture
def world() -> World:
    return laned()


def devices(world: World) -> tuple[str, str, Device]:
    """Alice, Bob, and Carol with a stock client that can recover."""
    alice, bob, carol = world.connect("alice"), world.connect("bob"), Device(world, "carol").come()
    warmed(world, alice)
    return alice, bob, carol


def test_a_message_arrives_before_its_job_is_received(world: World) -> None:
    alice, bob, carol = devices(world)
    send(world, alice, "1", "2")
    assert got(world, bob) == ["first", "1", "2"]
    assert carol.hear() == ["first", "1", "2"]
    assert work(world)
    assert [each["content"] for each in arrived(world, bob)] == ["first", "1", "2"]
    assert carol.hear() == ["first", "1", "2"]


@pytest.mark.parametrize("lane_first", [True, False])
@pytest.mark.parametrize(("port", "method"), CALLS)
def test_the_worker_comes_at_any_moment(port: str, method: str, lane_first: bool) -> None:
    """It waits for a lane that goes on; here the lane stands still, so its lease ends."""
    world = laned(lane_first=lane_first)
    alice, bob, carol = devices(world)
    before(world, port, method, lambda: work(world))
    send(world, alice, "1")
    send(world, alice, "2")
    assert work(world)
    world.pump(until_ms=world.clock.ms)
    assert got(world, bob) == ["first", "1", "2"]
    assert shown(world, carol) == ["first", "1", "2"]
    assert world.adapters.cursors.get(LOBBY, HERE).seq == 3


@pytest.mark.parametrize(("port", "method"), CALLS)
def test_another_sender_comes_at_any_moment(port: str, method: str) -> None:
    """The second finds the lease taken, or the cursor elsewhere, and leaves it to the worker."""
    world = laned()
    alice, bob, carol = devices(world)
    before(world, port, method, lambda: send(world, bob, "2"))
    send(world, alice, "1")
    world.pump(until_ms=world.clock.ms)
    send(world, alice, "3")
    world.pump(until_ms=world.clock.ms)
    heard = [text for text in carol.hear() if text != "first"]
    assert heard in (["1", "2", "3"], ["2", "1", "3"])
    page = world.adapters.log.after(LOBBY, HERE, "", 9)  # type: ignore[arg-type]
    assert heard == [entry.content for entry in page][1:]
    assert [text for text in got(world, alice) if text] == ["2"]


@pytest.mark.parametrize("late", [each for each in Outcome if each is not Outcome.GONE])
def test_a_sender_that_is_paused_while_it_posts_changes_nothing(late: Outcome) -> None:
    """Others have delivered more meanwhile. What it posts late comes twice, and that is all."""
    world = laned(lane_first=False)
    alice, bob, carol = devices(world)

    def meanwhile() -> None:
        world.clock.ms += 60_000
        assert work(world)
        send(world, alice, "2")
        world.poster.script[bob] = [Outcome.THROTTLED]
        send(world, alice, "3")
        assert behind(world) == {bob: 4}
        assert work(world)
        world.poster.script[bob] = [late]  # the answer to the late post

    frozen(world, meanwhile)
    send(world, alice, "1")
    left = world.adapters.cursors.get(LOBBY, HERE)
    assert (left.seq, left.behind) == (4, {bob: 4}), "the paused one noted nothing"
    world.poster.script.clear()
    world.pump()
    send(world, alice, "4")
    world.pump()
    assert got(world, bob) == ["first", "1", "2", "3", "4"]
    assert shown(world, carol) == ["first", "1", "2", "3", "4"]
    assert behind(world) == {}


def frozen(world: World, meanwhile: Callable[[], None]) -> None:
    """Freeze the next sender that has checked its lease, right before its posts."""
    post = world.poster.post

    def late(posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        world.poster.post = post  # type: ignore[method-assign]
        meanwhile()
        return post(posts, within_ms)

    world.poster.post = late  # type: ignore[method-assign]


def test_a_sender_whose_lease_has_ended_posts_nothing(world: World) -> None:
    alice, bob, _ = devices(world)

    def paused() -> None:
        world.clock.ms += 60_000

    before(world, "trails", "begin", paused)
    send(world, alice, "1")
    assert got(world, bob) == ["first"]
    assert work(world)
    assert got(world, bob) == ["first", "1"]


def test_who_does_not_take_the_post_of_a_lane_is_not_overtaken(world: World) -> None:
    alice, bob, carol = devices(world)
    world.poster.script[bob] = [Outcome.THROTTLED]
    send(world, alice, "1")
    assert behind(world) == {bob: 2}
    send(world, alice, "2")
    carol.read()
    assert carol.got == ["first", "1", "2"], "nobody waits for bob"
    assert got(world, bob) == ["first"]
    assert behind(world) == {bob: 3}
    one, two = jobs(world, "direct")
    assert serve(world, one)
    assert serve(world, two)
    assert behind(world) == {}
    send(world, alice, "3")
    assert got(world, bob) == ["first", "1", "2", "3"]


def test_the_worker_goes_on_where_the_posts_of_a_lane_were_used_up(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    carol = world.connect("carol")
    warmed(world, alice)
    world.poster.script[carol] = [Outcome.UNSENT]
    send(world, alice, "1")
    assert (got(world, bob), got(world, carol)) == (["first", "1"], ["first"])
    assert work(world)
    assert [each["content"] for each in arrived(world, bob)] == ["first", "1"], "once"
    assert got(world, carol) == ["first", "1"]


@pytest.mark.parametrize("gone", ["flushed", "down"])
def test_without_redis_the_worker_delivers_alone(world: World, gone: str) -> None:
    alice, bob, _ = devices(world)
    if gone == "flushed":
        before(world, "poster", "post", world.cache.flush)
    else:
        world.cache.down = True
    send(world, alice, "1")
    assert work(world)
    world.cache.down = False
    send(world, alice, "2")
    assert work(world)
    assert got(world, bob) == ["first", "1", "2"]


def test_a_lane_that_dies_holds_up_its_worker_until_its_lease_ends(world: World) -> None:
    alice, bob, _ = devices(world)
    world.cache.take_lease((LOBBY, HERE), "dead", 3_500)
    send(world, alice, "1")
    assert got(world, bob) == ["first"]
    began_ms = world.clock.ms
    assert work(world)
    assert got(world, bob) == ["first", "1"]
    assert 3_400 <= world.clock.ms - began_ms <= 3_700


def test_a_job_that_meets_another_worker_comes_again(world: World) -> None:
    alice, bob, _ = devices(world)
    world.cache.take_lease((LOBBY, HERE), "slow", 15_000)
    send(world, alice, "1")
    assert not work(world)
    world.clock.ms += 15_000
    assert work(world)
    assert got(world, bob) == ["first", "1"]


def test_a_job_that_meets_another_worker_is_never_set_aside(world: World) -> None:
    alice, bob, _ = devices(world)
    world.cache.take_lease((LOBBY, HERE), "slow", 60_000)
    send(world, alice, "1")
    for receives in range(1, 9):
        assert not serve(world, *jobs(world, "entry"), receives=receives)
    assert world.adapters.delivery_dead.jobs == []
    world.clock.ms += 60_000
    assert serve(world, *jobs(world, "entry"), receives=9)
    assert got(world, bob) == ["first", "1"]


def test_a_lane_leaves_who_is_gone_to_jobs_of_their_own(world: World) -> None:
    alice = world.connect("alice")
    gone = [world.connect("bob") for _ in range(10)]
    carol = world.connect("carol")
    warmed(world, alice)
    world.clock.ms += 6_000
    world.poster.rule = lambda device: Outcome.GONE if device in gone else None
    send(world, alice, "1")
    assert got(world, carol) == ["first", "1"]
    connections = world.adapters.connections
    assert sum(connections.get(ConnectionId(device)) is None for device in gone) == 3
    world.pump(until_ms=world.clock.ms)
    assert all(connections.get(ConnectionId(device)) is None for device in gone)
    assert behind(world) == {}
    assert [each["content"] for each in arrived(world, carol)] == ["first", "1"], "once"


def test_who_was_removed_gets_nothing_of_a_lane_that_has_read_the_members(world: World) -> None:
    alice, bob, carol = devices(world)

    def kick() -> None:
        world.http(rest.remove_member, "alice", room_id=LOBBY, user_id="carol")

    before(world, "log", "commit", kick)
    send(world, alice, "1")
    assert carol.hear() == ["first"]
    world.pump(until_ms=world.clock.ms)
    assert (got(world, bob), carol.hear()) == (["first", "1"], ["first"])
