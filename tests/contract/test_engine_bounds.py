"""What a session may hold in Redis, and what it pays: `ports.EngineSessions`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.memory.sessions import MemorySessions
from chalicelib.adapters.redis import keys
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.sessions import RedisSessions
from chalicelib.kernel.errors import TooLarge
from chalicelib.model.access import Charge, Paid
from chalicelib.model.connections import POLLING, Target
from chalicelib.model.identifiers import ConnectionId, Region, UserId
from chalicelib.model.sessions import EngineSession
from chalicelib.ports.sessions import EngineSessions
from tests.support.world import FakeClock

REGION = Region("us-east-1")
CHARGE = Charge("packet", 2 / 3600, 3, 0)


@pytest.fixture
def sid(request: pytest.FixtureRequest) -> ConnectionId:
    return ConnectionId(f"{abs(hash(request.node.nodeid))}=")


@pytest.fixture(params=["memory", "valkey"])
def sessions(request: pytest.FixtureRequest, valkey_url: str) -> EngineSessions:
    if request.param == "memory":
        return MemorySessions(FakeClock())
    return RedisSessions(RedisClient(valkey_url, False))


def polling(sid: ConnectionId) -> EngineSession:
    return EngineSession(Target(sid, UserId(""), POLLING, "", REGION, "sio:/", 1), {})


def test_who_pays_gets_the_session(sessions: EngineSessions, sid: ConnectionId) -> None:
    session = polling(sid)
    sessions.open(session)
    assert [sessions.pay(sid, CHARGE) for _ in range(3)] == [(session, Paid())] * 3
    held, paid = sessions.pay(sid, CHARGE)
    assert held == session
    assert paid.wait_ms > 1_700_000


def test_what_costs_more_takes_more(sessions: EngineSessions, sid: ConnectionId) -> None:
    assert sessions.pay(sid, replace(CHARGE, tokens=3))[1] == Paid()
    assert sessions.pay(sid, CHARGE)[1].wait_ms > 0


def test_an_ended_session_goes_on_paying(sessions: EngineSessions, sid: ConnectionId) -> None:
    sessions.open(polling(sid))
    sessions.pay(sid, replace(CHARGE, tokens=2))
    sessions.close(sid)
    assert sessions.pay(sid, CHARGE) == (None, Paid())
    assert sessions.pay(sid, CHARGE)[1].wait_ms > 0
    assert sessions.get(sid) is None, "it is not brought to life"


def test_nothing_is_stored_of_a_session_that_a_client_made_up(
    sessions: EngineSessions, sid: ConnectionId
) -> None:
    assert [sessions.pay(sid, CHARGE, named=True) for _ in range(5)] == [(None, Paid())] * 5
    sessions.open(polling(sid))
    paid = [sessions.pay(sid, CHARGE, named=True)[1].wait_ms > 0 for _ in range(4)]
    assert paid == [False, False, False, True], "its bucket was full until now"


@pytest.mark.parametrize(("per_s", "kept_s"), [(100, 11), (0.5, 2_001)])
def test_a_bucket_is_kept_until_it_is_full(
    valkey_url: str, sid: ConnectionId, per_s: float, kept_s: int
) -> None:
    client = RedisClient(valkey_url, False)
    key = keys.engine_limits(sid)
    RedisSessions(client).pay(sid, Charge("packet", per_s, 1_000, 0))
    [left_s] = client.run(("TTL", key))
    assert kept_s - 2 <= left_s <= kept_s
    RedisSessions(client).pay(sid, Charge("other", 10, 10, 0))
    [left_s] = client.run(("TTL", key))
    assert kept_s - 2 <= left_s, "another bucket of the same payer does not shorten it"


def test_a_namespace_that_was_left_is_not_connected(
    sessions: EngineSessions, sid: ConnectionId
) -> None:
    sessions.disconnect(sid, "/")
    assert sessions.get(sid) is None
    sessions.open(polling(sid))
    sessions.connect(sid, "/")
    sessions.connect(sid, "/moments")
    sessions.disconnect(sid, "/")
    sessions.disconnect(sid, "/notifications")
    held = sessions.get(sid)
    assert held is not None
    assert held.namespaces == {"/moments"}


def test_a_write_buffer_is_bounded_in_bytes(sessions: EngineSessions, sid: ConnectionId) -> None:
    sessions.open(polling(sid))
    frame = "4" + "ü" * 249_999 + "x"  # half a million bytes
    for name in ("p1", "p2"):
        for _ in range(4):
            assert sessions.push(sid, [frame]) is True
        assert sessions.push(sid, ["4"]) is False
        assert len(_take(sessions, sid, name)) == 4, (
            "what was refused is not there, and what was taken leaves room"
        )


def test_an_upgrade_leaves_room_for_what_it_has_moved(
    sessions: EngineSessions, sid: ConnectionId
) -> None:
    sessions.open(polling(sid))
    websocket = replace(polling(sid).target, connection_id=ConnectionId("w="), api_id="api")
    half = "4" + "x" * 999_999
    assert sessions.push(sid, [half, half]) is True
    assert sessions.drain(sid, websocket, "m1", 1_000) is not None
    assert sessions.push(sid, ["4"]) is False
    assert sessions.queued(sid, "m1", 1, 1_000) == [half]
    assert sessions.push(sid, ["4"]) is True


def test_parts_that_wait_are_bounded_in_bytes(sessions: EngineSessions, sid: ConnectionId) -> None:
    part = "b" + "x" * 400_000
    for _ in range(2):
        sessions.gather(sid, None, part)
    with pytest.raises(TooLarge):
        sessions.gather(sid, None, part)
    assert sessions.gathered(sid) == [], "they were dropped"


def _take(sessions: EngineSessions, sid: ConnectionId, name: str) -> list[str]:
    sessions.poll(sid, name, 10_000, 0)
    taken = sessions.take(sid, name)
    assert taken is not None
    return taken
