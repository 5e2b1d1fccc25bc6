"""What `ports.EngineSessions` promises, on the twin in memory and on Valkey."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.adapters.memory_sessions import MemorySessions
from chalicelib.adapters.redis_client import RedisClient
from chalicelib.adapters.redis_sessions import RedisSessions
from chalicelib.errors import CacheDown, TooLarge
from chalicelib.model import ConnectionId, EngineSession, Region, Target, UserId
from chalicelib.ports import EngineSessions
from tests.support.valkey import valkey
from tests.support.world import FakeClock

SID = ConnectionId("abc=")
TARGET = Target(SID, UserId(""), "api", "prod", Region("us-east-1"), "sio:/", 1)
SESSION = EngineSession(TARGET, {"platform": "web"}, pong_ms=1)
HEAD = '52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with valkey() as server:
        yield server.url


@pytest.fixture(params=["memory", "valkey"])
def sessions(request: pytest.FixtureRequest, url: str) -> EngineSessions:
    if request.param == "memory":
        return MemorySessions(FakeClock())
    found = RedisSessions(RedisClient(url, False))
    found.close(SID)
    return found


def test_a_session_is_kept_as_it_is(sessions: EngineSessions) -> None:
    assert sessions.get(SID) is None
    whole = replace(
        SESSION, user_id=UserId("alice"), expires_at_s=9, roles=("admin",), ping_ms=4,
        namespaces=frozenset({"/", "/moments"}),
    )  # fmt: skip
    sessions.open(whole)
    assert sessions.get(SID) == whole
    sessions.close(SID)
    assert sessions.get(SID) is None


def test_of_many_who_ping_at_once_one_does(sessions: EngineSessions) -> None:
    sessions.open(SESSION)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: sessions.ping(SID, 0, 10 + n), range(8)))
    assert won.count(True) == 1
    assert not sessions.ping(SID, 0, 99)
    held = sessions.get(SID)
    assert held is not None
    assert sessions.ping(SID, held.ping_ms, 99)


def test_pongs_and_namespaces_belong_to_known_sessions(sessions: EngineSessions) -> None:
    assert sessions.pong(SID, 5) is None
    sessions.connect(SID, "/")
    assert not sessions.ping(SID, 0, 5)
    assert sessions.get(SID) is None
    sessions.open(SESSION)
    sessions.connect(SID, "/moments")
    held = sessions.pong(SID, 5)
    assert held == replace(SESSION, pong_ms=5, namespaces=frozenset({"/moments"}))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_parts_are_put_together_in_their_time(
    sessions: EngineSessions, order: tuple[int, ...]
) -> None:
    parts = [HEAD, "bAQ==", "bAg=="]
    answers = [sessions.gather(SID, 100 + n, parts[n]) for n in order]
    assert answers == [None, None, parts]


def test_two_packets_whose_parts_cross(sessions: EngineSessions) -> None:
    one = '51-["one",{"_placeholder":true,"num":0}]'
    two = '51-["two",{"_placeholder":true,"num":0}]'
    assert sessions.gather(SID, 3, two) is None
    assert sessions.gather(SID, 2, "bAQ==") is None
    assert sessions.gather(SID, 1, one) == [one, "bAQ=="]
    assert sessions.gather(SID, 4, "bAg==") == [two, "bAg=="]


def test_at_the_same_time_the_text_comes_first(sessions: EngineSessions) -> None:
    assert sessions.gather(SID, 7, "bAQ==") is None
    assert sessions.gather(SID, 7, "bAg==") is None
    assert sessions.gather(SID, 7, HEAD) == [HEAD, "bAQ==", "bAg=="]


def test_parts_that_miss_others_are_bounded(sessions: EngineSessions) -> None:
    for number in range(66):
        assert sessions.gather(SID, number, "bAQ==") is None
    with pytest.raises(TooLarge):
        sessions.gather(SID, 66, "bAQ==")
    assert sessions.gather(SID, 1, '51-["e",{"_placeholder":true,"num":0}]') is None
    assert sessions.gather(SID, 2, "bAQ==") is not None


def test_many_parts_at_once_make_one_packet(sessions: EngineSessions) -> None:
    parts = [HEAD.replace("52-", "58-"), *(f"bAA{n}=" for n in range(8))]
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda n: sessions.gather(SID, 100 + n, parts[n]), range(9)))
    assert [each for each in answers if each] == [parts]


def test_without_redis_every_method_says_so() -> None:
    memory = MemorySessions(FakeClock())
    memory.down = True
    for sessions in (memory, RedisSessions(RedisClient("redis://127.0.0.1:1", False))):
        for call in (
            lambda s: s.open(SESSION),
            lambda s: s.get(SID),
            lambda s: s.ping(SID, 0, 1),
            lambda s: s.pong(SID, 1),
            lambda s: s.connect(SID, "/"),
            lambda s: s.gather(SID, 1, "b"),
            lambda s: s.close(SID),
        ):
            with pytest.raises(CacheDown):
                call(sessions)
