"""What a socket that can recover is posted: its offset stays short."""

from __future__ import annotations

import json

from chalicelib.sessions.recovery import MOST_SINCE
from chalicelib.wire import offsets
from tests.support.interleaving import before
from tests.support.socketio import Client, Device, Poller, say
from tests.support.world import World


def test_an_offset_names_a_few_streams_beside_its_checkpoint() -> None:
    world = World()
    rooms = [world.room("alice", "bob", room_id=f"room-{number}") for number in range(30)]
    alice, bob = world.connect("alice"), Device(world, "bob").come()
    named, checkpoints = set(), set()
    for room in rooms:
        say(world, alice, "hi", room)
        bob.hear()
        checkpoint, since = offsets.decode(str(bob.offset))
        named.add(len(since))
        checkpoints.add(checkpoint)
    assert max(named) <= MOST_SINCE
    assert len(checkpoints) > 1
    bob.cut()
    assert bob.come().recovered


def test_a_trail_follows_a_socket_that_was_moved_before_its_connect_was_answered() -> None:
    world = World()
    world.room("alice", "bob")
    bob, client = world.connect("bob"), Poller(world)
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    before(world, "trails", "start", lambda: websocket.say("5"))
    token = {"token": world.token("alice"), "recovery": True}
    assert client.post("40" + json.dumps(token)) == 200
    world.pump(until_ms=world.clock.ms)
    world.clock.ms += 130_000  # the session that was upgraded is forgotten
    say(world, bob, "x", "lobby")
    [(name, message, *_)] = [event for event in websocket.events() if event[0] != "session"]
    assert (name, message["content"]) == ("message_received", "x")
    assert not websocket.closed
