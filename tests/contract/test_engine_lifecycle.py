"""Both stores of Engine.IO sessions follow `model.lifecycle`, whatever happens to a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from chalicelib.adapters.memory.sessions import MemorySessions
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.sessions import RedisSessions
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.model import lifecycle
from chalicelib.model.connections import POLLING, Target
from chalicelib.model.identifiers import ConnectionId, Region, UserId
from chalicelib.model.lifecycle import Input, Reaction, State
from chalicelib.model.sessions import EngineSession
from chalicelib.ports.sessions import EngineSessions
from tests.support.models import search
from tests.support.valkey import Valkey, cluster, valkey
from tests.support.world import FakeClock

SID = ConnectionId("abc=")
TARGET = Target(SID, UserId(""), POLLING, "", Region("us-east-1"), "sio:/", 1)
SESSION = EngineSession(TARGET, {}, pong_ms=1)
WEBSOCKETS = [
    replace(TARGET, connection_id=ConnectionId(f"ws{number}="), api_id="api", stage="prod")
    for number in (1, 2)
]
names = st.sampled_from(["one", "two"])
websockets = st.sampled_from(WEBSOCKETS)


class Lives(RuleBasedStateMachine):
    """Asks both stores the same, and predicts by the table what the session's state allows."""

    def __init__(self, server: Valkey) -> None:
        super().__init__()
        server.client.flushall()
        self.now_ms = 0
        self.state = State.CLOSED
        self.to: Target | None = None
        self.stores: list[EngineSessions] = [
            MemorySessions(FakeClock()),
            RedisSessions(RedisClient(server.url, False)),
        ]

    def both(self, name: str, *arguments: Any) -> Any:
        one, other = (_answer(getattr(store, name), arguments) for store in self.stores)
        assert one == other, (name, arguments, self.state)
        return one

    def step(self, event: Input) -> Reaction:
        found = lifecycle.step(self.state, event)
        self.state = found.state
        return found.effect

    @rule()
    def open(self) -> None:
        if self.state is State.CLOSED:
            self.both("open", SESSION)
            self.state, self.to = State.OPEN, None

    @rule()
    def look(self) -> None:
        shown = self.both("get", SID) is not None
        assert shown is (self.step(Input.LOOK) is Reaction.SHOW)

    @rule(number=st.integers(2, 99))
    def note(self, number: int) -> None:
        noted = self.both("pong", SID, number) is not None
        assert noted is (self.step(Input.NOTE) is Reaction.STORE)

    @rule(number=st.integers(0, 9))
    def push(self, number: int) -> None:
        kept = self.both("push", SID, [f"4{number}"])
        effect = self.step(Input.PUSH)
        assert kept == (self.to if effect is Reaction.FORWARD else effect is Reaction.KEEP)

    @rule(poll=names)
    def poll(self, poll: str) -> None:
        found = self.both("poll", SID, poll, self.now_ms + 30_000, self.now_ms)
        assert (found is NotFound) is (self.step(Input.POLL) is Reaction.REFUSE)

    @rule(poll=names)
    def take(self, poll: str) -> None:
        self.both("take", SID, poll)

    @rule(probes=st.booleans())
    def probe(self, probes: bool) -> None:
        self.now_ms += 1
        self.both("probe", SID, self.now_ms if probes else 0)
        self.step(Input.PROBE if probes else Input.PROBE_ENDED)

    @rule(to=websockets, mover=names)
    def drain(self, to: Target, mover: str) -> None:
        found = self.both("drain", SID, to, mover, self.now_ms)
        if found is Conflict:
            return
        effect = self.step(Input.UPGRADE if self.to == to else Input.OTHER_UPGRADE)
        assert (found is not None) is (effect is Reaction.DRAIN)
        if found is not None:
            self.to = to

    @rule(mover=names, done=st.integers(0, 2))
    def queued(self, mover: str, done: int) -> None:
        if self.both("queued", SID, mover, done, self.now_ms) == []:
            self.step(Input.EMPTIED)

    @rule(seconds=st.sampled_from([1, 10, 31]))
    def wait(self, seconds: int) -> None:
        self.now_ms += seconds * 1000

    @rule()
    def close(self) -> None:
        self.both("close", SID)
        self.step(Input.CLOSE)

    def teardown(self) -> None:
        self.look()


def _answer(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return call(*arguments)
    except (NotFound, Conflict) as refusal:
        return type(refusal)


@pytest.mark.timeout(420)  # a failure is shrunk for up to five minutes
def test_the_stores_and_the_table_agree(pytestconfig: pytest.Config) -> None:
    with valkey() as server:
        search(lambda: Lives(server), pytestconfig)


def test_a_life_in_cluster_mode() -> None:
    with cluster() as (url, _):
        sessions = RedisSessions(RedisClient(url, True))
        for number in range(1, 4):
            sid = ConnectionId(f"s{number}=")
            sessions.open(replace(SESSION, target=replace(TARGET, connection_id=sid)))
            assert sessions.poll(sid, "p1", 30_000, 0) == number, "nodes share one count"
        for number in range(1, 4):
            sid = ConnectionId(f"s{number}=")
            assert sessions.push(sid, ["4a"]) is True
            assert sessions.take(sid, "p1") == ["4a"]
            sessions.probe(sid, 5)
            assert sessions.drain(sid, WEBSOCKETS[0], "m", 6) is not None
            assert sessions.queued(sid, "m", 0, 7) == []
            assert sessions.push(sid, ["4b"]) == WEBSOCKETS[0]
            sessions.close(sid)
            assert sessions.push(sid, ["4c"]) is False
