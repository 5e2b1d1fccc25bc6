"""A message that is sent again is there once."""

from __future__ import annotations

import pytest

from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def send(world: World, connection: str, text: str, **more: str) -> dict:
    data = {"conversation_id": "lobby", "message_type": "text", "content": text, **more}
    return world.act(connection, "send_message", **data)


def test_a_resend_gets_the_same_ack_and_no_second_message(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    first = send(world, alice, "once", client_message_id="c1")
    world.pump()
    assert send(world, alice, "once", client_message_id="c1") == first
    world.pump()
    assert len(world.poster.to(bob, "message_received")) == 1
