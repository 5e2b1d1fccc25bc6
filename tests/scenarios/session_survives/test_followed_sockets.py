"""A CONNECT that is tried again, when its session has been upgraded since."""

from __future__ import annotations

import pytest

from chalicelib.model.identifiers import UserId
from tests.support.socketio import Client, Poller
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_what_is_opened_again_follows_its_upgraded_session(world: World) -> None:
    """As a repeated CONNECT does. What the first attempt left for the polls is moved."""
    client = Poller(world)
    client.connect("alice")
    [before] = world.adapters.connections.of_user(UserId("alice"))
    assert world.services.upgrades.followed(before.target) == before.target
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    websocket.say("5")
    for left_behind in (False, True):
        if left_behind:
            world.adapters.connections.put(before)
            world.cache.register(before)
        world.wait(90)
        followed = world.services.upgrades.followed(before.target)
        [moved] = world.adapters.connections.of_user(UserId("alice"))
        assert followed == moved.target
        assert (followed.connection_id, followed.sid) == ("w=", before.target.sid)
