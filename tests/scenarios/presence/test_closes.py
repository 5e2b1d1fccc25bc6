"""No socket stays open whose connection is erased, whoever ended it and whatever fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from chalicelib.connections.lifetime import TOKEN_GRACE_S
from chalicelib.entrypoints.http import operating
from chalicelib.jobs.delivery import DeliverDirect
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId, MessageId, RoomId
from tests.support.faults import How, Plan, again, at_every_call
from tests.support.socketio import Client
from tests.support.world import START_MS, Killed, World

LIFE_S = 100


def slow(world: World) -> None:
    """The last job of a connection that does not take a message gives it up."""
    world.poster.script[DEVICE] = [Outcome.THROTTLED] * 9
    [entry] = world.adapters.log.after(ROOM, world.services.region, MessageId(""), 1)
    job = DeliverDirect(entry=entry, target=_target())
    world.cache.note_posts(90, 10)
    for receives in range(1, 7):
        with contextlib.suppress(Killed, Unavailable):
            world.services.slow.direct(job, receives)


def expired(world: World) -> None:
    world.wait(LIFE_S + TOKEN_GRACE_S + 1)
    for _ in range(2):
        with contextlib.suppress(Killed, Unavailable):
            world.sweep()


def disconnected(world: World) -> None:
    parts = {"user_id": "bob", "roles": ["admin"]}
    for _ in range(2):
        again(lambda: world.http(operating.disconnect_user, "root", {"for_s": 600}, **parts))
    world.wait(31)


ENDS: dict[str, Callable[[World], None]] = {
    each.__name__: each for each in (slow, expired, disconnected)
}
DEVICE = "conn-bob-1="
ROOM = RoomId("lobby")


def prepared() -> World:
    world = World()
    world.room("alice", "bob")
    assert world.connect("bob", exp=START_MS // 1000 + LIFE_S) == DEVICE
    body = {"conversation_id": ROOM, "message_type": "text", "content": "x"}
    world.act(world.connect("alice"), "send_message", **body)
    world.pump(until_ms=world.clock.ms)
    return world


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.BUSY, Outcome.FAILED])
def test_a_close_that_is_refused_is_done_later(end: str, outcome: Outcome) -> None:
    world = prepared()
    world.poster.closes[DEVICE] = [outcome] * 7
    ENDS[end](world)
    assert world.adapters.connections.get(ConnectionId(DEVICE)) is None
    assert world.poster.closed == []
    world.wait(3_600)
    assert set(world.poster.closed) == {DEVICE}


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("end", ENDS)
def test_a_process_that_dies_between_any_two_calls_leaves_no_open_socket(
    end: str, how: How
) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = prepared()
        world.poster.closes[DEVICE] = [Outcome.THROTTLED]
        plan = planted(world)
        ENDS[end](world)
        world.wait(3_600)
        plan.over = True
        erased = world.adapters.connections.get(ConnectionId(DEVICE)) is None
        assert not erased or DEVICE in world.poster.closed
        assert erased

    assert "connections.disconnect" in at_every_call(how, case)


@pytest.mark.parametrize("how", [How.KILLED_BEFORE, How.KILLED_AFTER, How.REFUSED])
def test_a_session_whose_frame_broke_the_protocol_is_closed(how: How) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        client = Client(world, "c=")
        world.pump(until_ms=world.clock.ms)
        client.connect("alice")
        world.poster.closes["c="] = [Outcome.BUSY]
        plan = planted(world)
        again(lambda: client.say("9"))
        world.wait(60)
        plan.over = True
        if world.adapters.connections.get(ConnectionId("c=")) is None:
            assert client.closed

    assert "connections.disconnect" in at_every_call(how, case)


def test_a_refused_websocket_is_closed_although_its_first_closes_fail() -> None:
    world = World()
    world.poster.closes["w="] = [Outcome.GONE, Outcome.THROTTLED, Outcome.FAILED]
    Client(world, "w=", sid="no-such-session")
    world.wait(30)
    assert world.poster.closed == ["w="]


def _target() -> Target:
    """The device's, as `prepared` makes it."""
    connection = prepared().adapters.connections.get(ConnectionId(DEVICE))
    assert connection is not None
    return connection.target
