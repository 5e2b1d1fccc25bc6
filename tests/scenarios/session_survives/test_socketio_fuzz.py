"""Whatever a client sends, no frame and no post raises."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.socketio import Client, Poller
from tests.support.world import World

PIECES = st.sampled_from(
    [
        *'0123456b/,-"[]{}?\x1e',
        *("40", "41", "42", "43", "44", "451-", "46"),
        *("2probe", "b!", "bAQID", "/moments,", "1e400"),
        *('["hello"]', '{"token":"x"}', '["hello",{}]', '{"_placeholder":true,"num":0}'),
        r'["hello","\ud800"]',
    ]
)
FRAMES = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30)


@given(frames=st.lists(FRAMES, min_size=1, max_size=6))
def test_fuzzed_frames_never_raise(frames: list[str]) -> None:
    """Whatever comes, the function answers, and what it answers is of the protocol."""
    world = World()
    client = Client(world, "s1=")
    client.connect("alice")
    for frame in frames:
        answer = client.say(frame)
        assert answer == "" or answer[0] in "{34"
    world.pump(until_ms=world.clock.ms)


@given(bodies=st.lists(FRAMES, min_size=1, max_size=4))
def test_fuzzed_posts_never_raise(bodies: list[str]) -> None:
    world = World()
    client = Poller(world)
    client.connect("alice")
    for body in bodies:
        assert client.post(body) in (200, 400)
        assert client.ask(body, body, sid=body).status == 400, "no such method or session"
    world.pump(until_ms=world.clock.ms)


@pytest.mark.parametrize("number", ["", "7"])
def test_a_name_that_utf_8_cannot_carry_is_answered_all_the_same(number: str) -> None:
    """The answer to an event that is not known repeats its name."""
    world = World()
    client, poller = Client(world, "s1="), Poller(world)
    client.connect("alice")
    poller.connect("alice")
    frame = rf'42{number}["\ud800",{{}}]'
    assert '"code":"unknown_action"' in client.say(frame).encode().decode()
    assert poller.post(frame) == 200
    assert '"code":"unknown_action"' in poller.poll()
    assert client.act("hello", {})["ok"] is True


def test_a_long_name_is_not_repeated_whole() -> None:
    """The answer to the longest frame would be too long for API Gateway."""
    world = World()
    client = Client(world, "s1=")
    client.connect("alice")
    answer = client.say("42" + json.dumps(["x" * 100_000, {}]))
    assert len(answer) < 1_000
