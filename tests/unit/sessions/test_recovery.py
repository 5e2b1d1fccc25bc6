"""What a socket that can recover is posted: its offset stays short."""

from __future__ import annotations

from chalicelib.sessions.recovery import MOST_SINCE
from chalicelib.wire import offsets
from tests.support.socketio import Device, say
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
