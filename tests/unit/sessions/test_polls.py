"""How long polls wait: shorter for strangers, and the more sessions poll."""

from __future__ import annotations

import pytest

from chalicelib.wire.heartbeat import HOLD_MS, LEAST_HOLD_MS, STRANGER_HOLD_MS
from tests.support.socketio import Poller, say
from tests.support.world import World


def held_ms(client: Poller) -> int:
    """How long a poll waits to which nothing comes."""
    before = client.world.clock.ms
    assert client.poll() == "6"
    return client.world.clock.ms - before


def test_a_poll_of_a_stranger_does_not_wait_for_long() -> None:
    world = World()
    client = Poller(world)
    assert held_ms(client) <= STRANGER_HOLD_MS + 10
    client.connect("alice")
    assert HOLD_MS <= held_ms(client) <= HOLD_MS + 10


def test_polls_get_shorter_as_their_number_grows() -> None:
    world = World(poll_slots=4, max_connections=100)
    clients: list[Poller] = []
    for number in range(6):
        client = Poller(world)
        client.connect(f"user-{number}")
        clients.append(client)
    found = []
    for client in clients:
        found.append(held_ms(client))
        world.clock.ms -= found[-1]  # they wait side by side
    assert found[0] <= LEAST_HOLD_MS + 10, "all six have polled just now"
    world.clock.ms += 40_000
    found = []
    for client in clients:
        found.append(held_ms(client))
        world.clock.ms -= found[-1]
    full, half, least = HOLD_MS, HOLD_MS // 2, LEAST_HOLD_MS
    for waited, expected in zip(found, [full, full, half, least, least, least], strict=True):
        assert expected <= waited <= expected + 10


def test_a_second_poll_ends_the_session() -> None:
    world = World()
    client = Poller(world)
    client.connect("alice")
    answers: list[int] = []
    world.clock.at(100, lambda: answers.append(client.ask("GET", sid=client.sid).status))
    first = client.ask("GET", sid=client.sid)
    assert (answers, first.status, first.text) == ([400], 200, "1")
    assert client.ask("GET", sid=client.sid).status == 400


@pytest.mark.parametrize("after_ms", [0, 9_000])
def test_while_a_websocket_probes_polls_are_short(after_ms: int) -> None:
    world = World()
    client = Poller(world)
    client.connect("alice")
    world.sessions.probe(client.sid, world.clock.ms)
    world.clock.ms += after_ms
    assert held_ms(client) < 200
    world.clock.ms += 10_000 - after_ms
    assert held_ms(client) >= HOLD_MS


@pytest.mark.parametrize("t", ["1764445858.123", "pa1b2c3d", "OkL3f9s"])
def test_a_poll_whose_answer_was_lost_ends_the_session(t: str) -> None:
    """An HTTP library sent it again: the client would go on without the frames."""
    world = World()
    world.room("alice", "bob")
    bob, client = world.connect("bob"), Poller(world)
    client.connect("alice")
    say(world, bob, "lost", "lobby")
    assert "lost" in client.ask("GET", sid=client.sid, t=t).text
    again = client.ask("GET", sid=client.sid, t=t)
    assert (again.status, "this one was answered" in again.text) == (400, True)
    assert client.ask("GET", sid=client.sid, t=t + "x").status == 400
    assert world.adapters.connections.of_user("alice") == []


@pytest.mark.parametrize("t", ["", "1764445858", "1764445858123", "short", "x" * 65])
def test_a_t_that_need_not_be_unique_names_no_poll(t: str) -> None:
    world = World()
    world.room("alice", "bob")
    bob, client = world.connect("bob"), Poller(world)
    client.connect("alice")
    for content in ("one", "two"):
        say(world, bob, content, "lobby")
        assert content in client.ask("GET", sid=client.sid, t=t).text


def test_a_poll_that_brought_nothing_may_come_again() -> None:
    world = World()
    client = Poller(world)
    client.connect("alice")
    for _ in range(2):
        assert client.ask("GET", sid=client.sid, t="pa1b2c3d").text == "6"
