"""What a client sends over its new websocket before its sockets were moved there."""

from __future__ import annotations

import threading

import pytest

from chalicelib.model.identifiers import UserId
from chalicelib.wire import socketio
from tests.support.interleaving import before
from tests.support.socketio import Client, Poller, contents
from tests.support.world import Killed, World


@pytest.fixture
def world() -> World:
    return World()


def probed(world: World) -> tuple[str, Client]:
    """The device of bob, whose message waits for alice's poll, and alice's websocket."""
    world.room("alice", "bob")
    bob, client = world.connect("bob"), Poller(world)
    client.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    world.act(bob, "send_message", **body, delivery_receipt=True)
    world.pump(until_ms=world.clock.ms)
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    return bob, websocket


def half_upgraded(world: World) -> tuple[str, Client]:
    """As `probed`, and handed over but for its sockets: the process died. A job finishes it."""
    bob, websocket = probed(world)
    before(world, "connections", "put", die)
    with pytest.raises(Killed):
        websocket.say("5")
    assert contents(websocket.posted) == ["x"]
    world.pump(until_ms=world.clock.ms)
    world.clock.at(11_100, lambda: world.pump(until_ms=world.clock.ms))
    return bob, websocket


def die() -> None:
    raise Killed


def question(websocket: Client) -> int:
    """The number under which the client is asked to ack the message."""
    packets = [socketio.decode(frame[1:]) for frame in websocket.posted if frame[:2] == "42"]
    [number] = [each.ack_id for each in packets if each.data[0] == "delivery_receipt"]
    assert number is not None
    return number


def test_an_event_waits_for_its_socket(world: World) -> None:
    _, websocket = half_upgraded(world)
    assert websocket.act("hello", {})["data"]["user_id"] == "alice"
    assert not websocket.closed


def test_an_ack_waits_for_its_socket(world: World) -> None:
    bob, websocket = half_upgraded(world)
    assert websocket.say(f"43{question(websocket)}[]") == ""
    assert not websocket.closed
    world.pump(until_ms=world.clock.ms)
    [told] = world.poster.to(bob, "message_delivered")
    assert told["user_id"] == "alice"


def test_a_namespace_that_is_left_is_not_moved(world: World) -> None:
    _, websocket = half_upgraded(world)
    assert websocket.say("41") == ""
    world.wait(30)
    assert world.adapters.connections.of_user("alice") == []
    assert not websocket.closed


def test_what_nobody_moves_waits_for_about_a_second(world: World) -> None:
    """Another namespace than the one that is moved: the client has not connected it."""
    _, websocket = half_upgraded(world)
    began_ms = world.clock.ms
    assert websocket.say('42/moments,["hello"]') == ""
    assert websocket.closed
    assert world.clock.ms - began_ms < 1_100


@pytest.mark.parametrize("after_ms", [300, 2_500])
def test_an_event_that_overtakes_the_upgrade_waits_for_it(world: World, after_ms: int) -> None:
    _, websocket = probed(world)
    world.clock.at(after_ms, lambda: websocket.say("5"))
    assert websocket.act("hello", {})["data"]["user_id"] == "alice"
    assert not websocket.closed


def test_all_events_that_a_client_buffered_during_its_upgrade_are_answered(world: World) -> None:
    """Their frames come before the upgrade is done, in parallel."""
    _, websocket = probed(world)
    answers: list[str] = []

    def emit(left: int) -> None:
        if left > 1:
            world.clock.at(1, lambda: emit(left - 1))  # while this one waits
        answers.append(websocket.act("hello", {})["data"]["user_id"])

    world.clock.at(1_000, lambda: websocket.say("5"))
    emit(12)
    assert answers == ["alice"] * 12
    assert not websocket.closed


def test_an_event_of_a_websocket_that_asks_for_no_upgrade_ends_the_session(world: World) -> None:
    _, websocket = probed(world)
    began_ms = world.clock.ms
    assert websocket.say('42["hello"]') == ""
    assert websocket.closed
    assert world.clock.ms - began_ms < 6_000


@pytest.mark.parametrize("call", [("connections", "put"), ("sessions", "open")])
def test_a_namespace_that_is_left_in_mid_move_is_not_stored_again(
    world: World, call: tuple[str, str]
) -> None:
    """The mover is about to write the socket that it has read, or to note which it has moved."""
    _, websocket = probed(world)
    reached, goes_on = threading.Event(), threading.Event()

    def pause() -> None:
        reached.set()
        assert goes_on.wait(10)

    before(world, *call, pause)
    mover = threading.Thread(target=websocket.say, args=("5",))
    mover.start()
    assert reached.wait(10)

    def finish() -> None:
        goes_on.set()
        mover.join(10)

    world.clock.at(300, finish)
    assert websocket.say("41") == ""
    assert not mover.is_alive()
    assert world.adapters.connections.of_user("alice") == []
    assert world.cache.online([UserId("alice")]).targets == []
    assert not websocket.closed
    session = world.services.engine.session(websocket.sid)
    assert session is not None
    assert session.namespaces == frozenset()
    websocket.connect("alice")
