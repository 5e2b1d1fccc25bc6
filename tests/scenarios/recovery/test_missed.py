"""Connection state recovery, on the twins: a socket comes back and gets exactly what it missed."""

from __future__ import annotations

import json

from chalicelib.entrypoints.http import rest
from tests.support.socketio import Device, say
from tests.support.world import World


def test_the_answer_has_a_pid_and_comes_after_an_offset(world: World) -> None:
    bob = Device(world, "bob")
    bob.ask()
    world.pump(until_ms=world.clock.ms)
    assert bob.read() == ["session", "connect"]
    assert bob.pid
    assert bob.offset


def test_a_device_gets_exactly_what_it_missed(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    say(world, alice, "2", "two")
    assert bob.hear() == ["1", "2"]
    pid, sid = bob.pid, bob.sid
    bob.cut()
    say(world, alice, "3", "two")
    say(world, alice, "4")
    say(world, alice, "5", "three")
    bob.come()
    assert (bob.recovered, bob.pid, bob.sid) == (True, pid, sid)
    assert bob.got == ["1", "2", "3", "4", "5"]
    say(world, alice, "6")
    assert bob.hear()[5:] == ["6"]


def test_what_was_posted_and_never_arrived_comes_again(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    assert bob.hear() == ["1"]
    say(world, alice, "2")
    say(world, alice, "3", "two")
    bob.lose()  # the server believes that both were delivered
    bob.come()
    assert bob.recovered
    assert bob.got == ["1", "2", "3"]


def test_one_that_never_got_an_event_recovers_too(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1")
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_again_and_again_through_many_rooms(world: World, alice: str) -> None:
    for number in range(12):
        world.room("alice", "bob", room_id=f"room-{number}")
    bob = Device(world, "bob").come()
    sent = []
    for number in range(60):
        sent.append(str(number))
        say(world, alice, sent[-1], f"room-{number * 5 % 12}")
        if number % 3 == 0:
            bob.hear()
        if number % 4 == 0:
            bob.lose()
            assert bob.come().recovered, number
    assert bob.hear() == sent


def test_after_hours(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1")
    world.clock.ms += 30 * 3_600_000
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_its_own_messages_do_not_come_back(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    body = {"conversation_id": "one", "message_type": "text", "content": "mine"}
    assert world.say(bob.id, "421" + json.dumps(["send_message", body])).startswith("431[")
    bob.cut()
    say(world, alice, "1")
    assert bob.come().recovered
    assert bob.got == ["1"]
    other = Device(world, "bob").come()
    world.say(bob.id, "422" + json.dumps(["send_message", {**body, "content": "again"}]))
    assert other.hear() == ["again"]
    assert bob.hear() == ["1"]


def test_one_who_was_removed_gets_nothing_of_that_room(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1", "one")
    say(world, alice, "2", "two")
    answer = world.http(rest.remove_member, "alice", room_id="one", user_id="bob")
    assert answer.status in (200, 204), answer
    world.pump(until_ms=world.clock.ms)
    assert bob.come().recovered
    assert bob.got == ["2"]


def test_a_room_that_was_joined_meanwhile_is_replayed(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    world.clock.ms += 1000
    world.room("alice", "bob", room_id="new")
    say(world, alice, "1", "new")
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_an_offset_brings_entries_once(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    offset = bob.offset
    bob.cut()
    say(world, alice, "1")
    assert bob.come().recovered
    bob.cut()
    bob.offset = offset  # as if the answer had been cut before its end
    bob.come()
    assert not bob.recovered
    assert bob.got == ["1"]


def test_namespaces_recover_theirs(world: World) -> None:
    for one, other in (("alice", "bob"), ("bob", "alice")):
        world.http(rest.put_friend, one, user_id=other)
    world.http(rest.post_moment, "alice", {"message_type": "text", "content": "0"})
    bob = Device(world, "bob", "/moments").come()
    bob.cut()
    world.http(rest.post_moment, "alice", {"message_type": "text", "content": "1"})
    world.pump(until_ms=world.clock.ms)
    assert bob.come().recovered
    assert bob.got == ["1"]
    assert world.adapters.delivery.jobs == []  # type: ignore[attr-defined]


def test_a_message_of_a_slower_clock_in_a_room_that_is_new(world: World, alice: str) -> None:
    """Its time is before the one at which the room was created."""
    bob = Device(world, "bob").come()
    bob.cut()
    world.room("alice", "bob", room_id="new")
    world.clock.ms -= 3_000
    say(world, alice, "1", "new")
    world.clock.ms += 3_000
    assert bob.come().recovered
    assert bob.got == ["1"]
