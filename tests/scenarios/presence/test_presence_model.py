"""Presence against a simple oracle: devices connect, leave, die silently; Redis is lost.

What friends are told must be true: online only when the user was there or had just been, offline
only when no device of his was there for the whole grace time; and in the end, after the stated
times, what is shown is what is so.
"""

from __future__ import annotations

import itertools
from datetime import datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.connections.lifetime import GRACE_MS
from chalicelib.entrypoints.http import rest
from chalicelib.model.delivery import Outcome
from tests.support.world import World

SWEEP_MS = 60_000
DEAF_MS = 240_000 + 2 * SWEEP_MS


class PresenceMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.world = World()
        for one, other in (("alice", "bob"), ("bob", "alice")):
            self.world.http(rest.put_friend, one, user_id=other)
        self.bob = self.world.connect("bob")
        self.world.pump()
        self.next_sweep_ms = self.world.clock.ms + SWEEP_MS
        self.alive: set[str] = set()
        self.dead: dict[str, int] = {}
        # (since, until) of each device, dead ones until they died; until None: still there.
        self.there: dict[str, tuple[int, int | None]] = {}

    @rule()
    def connect(self) -> None:
        device = self.world.connect("alice")
        self.alive.add(device)
        self.there[device] = (self.world.clock.ms, None)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        device = data.draw(st.sampled_from(sorted(self.alive)))
        self._gone(device)
        self.world.disconnect(device)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def die_silently(self, data: st.DataObject) -> None:
        device = data.draw(st.sampled_from(sorted(self.alive)))
        self._gone(device)
        self.dead[device] = self.world.clock.ms
        if data.draw(st.booleans()):  # else posts to it are taken for ever
            self.world.poster.script[device] = [Outcome.GONE] * 1000

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def speak(self, data: st.DataObject) -> None:
        device = data.draw(st.sampled_from(sorted(self.alive)))
        self.world.act(device, "ping")

    @rule(seconds=st.sampled_from([0, 1, 3, 7, 9, 11, 30, 70, 200, 400]))
    def wait(self, seconds: int) -> None:
        end_ms = self.world.clock.ms + seconds * 1000
        while self.next_sweep_ms <= end_ms:
            self.world.wait((self.next_sweep_ms - self.world.clock.ms) / 1000)
            for device in [self.bob, *sorted(self.alive)]:  # a live device answers, and so it stays
                self.world.act(device, "ping")
            self.world.sweep()
            self.next_sweep_ms += SWEEP_MS
        self.world.wait(max(0, end_ms - self.world.clock.ms) / 1000)

    @rule()
    def lose_what_redis_held(self) -> None:
        self.world.cache.flush()

    @rule(down=st.booleans())
    def redis(self, down: bool) -> None:
        self.world.cache.down = down

    @invariant()
    def what_was_told_was_true(self) -> None:
        if not hasattr(self, "world"):
            return
        updates = self.world.poster.to(self.bob, "friend_status_update")
        told = [(u["status"], _ms(u["timestamp"])) for u in updates]
        statuses = [status for status, _ in told]
        assert all(a != b for a, b in itertools.pairwise(statuses)), told
        for status, at_ms in told:
            if status == "offline":
                # One who comes back in the same millisecond came back after it.
                assert not self._was_there(at_ms - GRACE_MS + 1, at_ms - 1), (told, self.there)
            else:
                # The silently dead are taken for there until they are found out.
                assert self._was_there(at_ms - DEAF_MS, at_ms), (told, self.there)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.cache.down = False
        for _ in range(8):
            self.wait(70)
        answer = self.world.http(rest.list_presence, "bob", multi={"user_id": ["alice"]})
        expected = "online" if self.alive else "offline"
        assert answer.body["presence"][0]["status"] == expected, self.there
        updates = self.world.poster.to(self.bob, "friend_status_update")
        last = updates[-1]["status"] if updates else "offline"
        assert last == expected
        self.what_was_told_was_true()

    def _gone(self, device: str) -> None:
        self.alive.remove(device)
        self.there[device] = (self.there[device][0], self.world.clock.ms)

    def _was_there(self, from_ms: int, to_ms: int) -> bool:
        return any(
            since <= to_ms and (until is None or until > from_ms)
            for since, until in self.there.values()
        )


def _ms(timestamp: str) -> int:
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)


PresenceMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestPresence = PresenceMachine.TestCase
