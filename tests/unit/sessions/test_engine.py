"""Engine.IO sessions: the handshake's answer, and an end that leaves nothing."""

from __future__ import annotations

import json

import pytest

from chalicelib.model.identifiers import ConnectionId
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
