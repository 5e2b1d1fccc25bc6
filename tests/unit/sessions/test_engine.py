"""Engine.IO sessions: the handshake's answer, and an end that leaves nothing."""

from __future__ import annotations

import json

import pytest

from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId
from tests.support.interleaving import before
from tests.support.socketio import Client, Poller
from tests.support.world import World

SID = ConnectionId("s1=")


@pytest.fixture
def world() -> World:
    return World()


def test_the_handshake_of_a_polling_client_offers_the_upgrade(world: World) -> None:
    assert Poller(world).handshake["upgrades"] == ["websocket"]
    client = Client(world, "s1=")
    world.pump(until_ms=world.clock.ms)
    assert json.loads(client.posted[0][1:])["upgrades"] == []


def test_a_session_without_a_namespace_ends_after_a_while(world: World) -> None:
    clients = [Client(world, "s1="), Client(world, "s2=")]
    clients[1].connect("alice")
    world.wait(46)
    assert [client.closed for client in clients] == [True, False]


def test_an_end_leaves_nothing_behind(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    client.connect("alice", "/moments")
    for _ in range(2):
        world.services.engine.closed(SID)
    assert world.adapters.connections.of_user("alice") == []
    assert world.sessions.get(SID) is None


@pytest.mark.parametrize("protocol", ["json", "socketio"])
@pytest.mark.parametrize("call", ["get", "disconnect"])
def test_an_end_that_cannot_be_stored_is_handled_by_a_job(
    world: World, protocol: str, call: str
) -> None:
    if protocol == "json":
        device = world.connect("alice")
    else:
        device = Client(world, "s1=").sid
        world.say(device, "40" + json.dumps({"token": world.token("alice")}))

    def refused() -> None:
        raise Unavailable("the store is away")

    usual = world.services
    before(world, "connections", call, refused)
    world.disconnect(device)
    world.services = usual
    assert world.adapters.connections.of_user("alice") != []
    world.wait(6)
    assert world.adapters.connections.of_user("alice") == []
    assert world.cache.online(["alice"]).targets == []
    assert world.sessions.get(ConnectionId(device)) is None


def test_a_socket_that_is_stored_after_the_end_of_its_websocket_is_removed(world: World) -> None:
    client = Client(world, "s1=")
    world.clock.ms += 60_000

    def ends() -> None:
        world.disconnect("s1=")
        world.poster.script["s1="] = [Outcome.GONE]

    before(world, "connections", "put", ends)
    assert client.say("40" + json.dumps({"token": world.token("alice")})) == ""
    assert world.adapters.connections.of_user("alice") == []
    assert world.cache.online(["alice"]).targets == []


def test_a_repeated_greeting_cleans_up_after_an_end_that_nobody_noticed(world: World) -> None:
    client = Client(world, "s1=")
    client.connect("alice")
    [greeting] = [job for job in world.adapters.outbound.jobs if job.kind == "engine_open"]
    world.adapters.outbound.jobs.clear()
    world.clock.ms += 120_000
    world.poster.script["s1="] = [Outcome.GONE]
    world.services.engine.greet(greeting)
    assert world.adapters.connections.of_user("alice") == []
    assert world.sessions.get(SID) is None


def test_a_websocket_that_is_never_opened_holds_no_worker(world: World) -> None:
    Client(world, "s1=")
    world.poster.rule = lambda _: Outcome.GONE
    held_ms = 0
    for _ in range(9):
        greetings = [job for job in world.adapters.outbound.jobs if job.kind == "engine_open"]
        world.adapters.outbound.jobs.clear()
        if not greetings:
            break
        world.clock.ms += greetings[0].delay_s * 1000
        before_ms = world.clock.ms
        world.services.engine.greet(greetings[0])
        held_ms += world.clock.ms - before_ms
    assert held_ms < 500
    assert world.poster.calls <= 12
    assert world.sessions.get(SID) is None, "it has ended"


def test_a_websocket_that_opens_late_is_greeted(world: World) -> None:
    client = Client(world, "s1=")
    world.poster.script["s1="] = [Outcome.GONE] * 8
    world.wait(5)
    assert [frame[0] for frame in client.posted] == ["0"]


def test_a_socket_of_a_session_that_redis_lost_gets_its_answer(world: World) -> None:
    client = Client(world, "s1=")
    world.sessions.flush()
    assert client.connect("alice")
    assert client.posted[-1].startswith("40")
    assert not client.closed


def test_a_close_of_a_session_that_was_upgraded_ends_its_websocket(world: World) -> None:
    """Also if API Gateway does not confirm the close, and never says that the socket has ended."""
    polling = Poller(world)
    polling.connect("alice")
    websocket = Client(world, "w=", sid=polling.sid)
    assert websocket.say("2probe") == "3probe"
    session = world.sessions.get(polling.sid)
    assert session is not None
    assert websocket.say("5") == ""
    world.poster.closes["w="] = [Outcome.FAILED]
    world.services.engine.close(session.target)
    assert world.adapters.connections.of_user("alice") == []
    assert world.sessions.get(ConnectionId("w=")) is None
    assert not websocket.closed
    world.wait(6)
    assert websocket.closed


def test_a_handshake_with_a_token_pays_for_the_first_connect_and_no_other() -> None:
    world = World(limits={**DEFAULT_LIMITS, "connect": Rate(0.001, 3)})
    client = Client(world, "sock=", token=world.token("alice"))
    assert left_to_connect(world, "alice") == 2
    assert client.say("40").startswith("40{")
    assert left_to_connect(world, "alice") == 2, "its handshake has paid"
    assert client.say("40/moments,").startswith("40/moments,")
    assert left_to_connect(world, "alice") == 1, "a namespace of its own"
    client.say("41")
    assert client.say("40").startswith("40{")
    assert left_to_connect(world, "alice") == 0, "and so is one that is connected again"
    client.say("41")
    assert "rate_limited" in client.say("40")


def test_a_handshake_pays_for_its_own_user_and_while_it_is_young() -> None:
    world = World(limits={**DEFAULT_LIMITS, "connect": Rate(0.001, 3)})
    client = Client(world, "sock=", token=world.token("alice"))
    assert client.connect("bob")
    assert (left_to_connect(world, "alice"), left_to_connect(world, "bob")) == (2, 2)
    late = Client(world, "late=", token=world.token("carol"))
    world.clock.ms += world.settings.connect_timeout_s * 1000
    assert late.say("40").startswith("40{")
    assert left_to_connect(world, "carol") < 2


def test_a_token_with_connect_is_paid_for_once_as_ever() -> None:
    world = World(limits={**DEFAULT_LIMITS, "connect": Rate(0.001, 3)})
    client = Client(world, "sock=")
    assert client.connect("alice")
    assert left_to_connect(world, "alice") == 2


def left_to_connect(world: World, user: str) -> float:
    level, _ = world.cache._get(f"limits:{user}")["connect"]
    return round(level, 1)
