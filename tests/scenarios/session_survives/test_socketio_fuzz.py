"""Whatever a client sends, no frame and no post raises."""

from __future__ import annotations

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
