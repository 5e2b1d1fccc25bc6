"""The contract of `ports.EngineSessions`, in memory and on Valkey."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.adapters.memory.sessions import MemorySessions
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.sessions import RedisSessions
from chalicelib.kernel.errors import CacheDown, Conflict, NotFound, TooLarge
from chalicelib.model.connections import POLLING, Target
from chalicelib.model.identifiers import ConnectionId, Region, UserId
from chalicelib.model.sessions import End, EngineSession, PacketPart
from chalicelib.ports.sessions import EngineSessions
from tests.support.world import FakeClock

SID = ConnectionId("abc=")
TARGET = Target(SID, UserId(""), "api", "prod", Region("us-east-1"), "sio:/", 1)
SESSION = EngineSession(TARGET, {"platform": "web"}, pong_ms=1)
HEAD = '52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'


@pytest.fixture(params=["memory", "valkey"])
def sessions(request: pytest.FixtureRequest, valkey_url: str) -> EngineSessions:
    if request.param == "memory":
        return MemorySessions(FakeClock())
    found = RedisSessions(RedisClient(valkey_url, False))
    found.close(SID)
    return found


def test_a_session_is_kept_as_it_is(sessions: EngineSessions) -> None:
    assert sessions.get(SID) is None
    whole = replace(
        SESSION, user_id=UserId("alice"), expires_at_s=9, roles=("admin",), ping_ms=4,
        namespaces=frozenset({"/", "/moments"}), began=ConnectionId("first="),
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
    assert not sessions.connect(SID, "/")
    assert not sessions.ping(SID, 0, 5)
    assert sessions.get(SID) is None
    sessions.open(SESSION)
    assert sessions.connect(SID, "/moments")
    held = sessions.pong(SID, 5)
    assert held == replace(SESSION, pong_ms=5, namespaces=frozenset({"/moments"}))


def test_parts_wait_for_each_other(sessions: EngineSessions) -> None:
    assert sessions.gathered(SID) == []
    assert sessions.gather(SID, 100, HEAD) == [PacketPart(1, 100, 2)]
    sessions.gather(SID, 99, "bAQ==")
    held = sorted(sessions.gather(SID, 99, "bAg=="), key=lambda part: part.number)
    assert held == [PacketPart(1, 100, 2), PacketPart(2, 99), PacketPart(3, 99)]
    assert sorted(sessions.gathered(SID), key=lambda part: part.number) == held
    assert sessions.gathered(ConnectionId("other=")) == []
    assert sessions.hand_out(SID, [held[0], held[2], held[1]]) == [HEAD, "bAg==", "bAQ=="]
    assert sessions.gathered(SID) == []
    assert sessions.hand_out(SID, [held[0]]) is None


def test_what_one_has_been_handed_another_is_not(sessions: EngineSessions) -> None:
    sessions.gather(SID, 1, HEAD)
    head, part = sorted(sessions.gather(SID, 2, "bAQ=="), key=lambda part: part.number)
    assert sessions.hand_out(SID, [part]) == ["bAQ=="]
    assert sessions.hand_out(SID, [head, part]) is None
    assert sessions.gathered(SID) == [head], "all or nothing"


def test_where_parts_come_in_their_order_that_is_their_time(sessions: EngineSessions) -> None:
    sessions.gather(SID, None, HEAD)
    sessions.gather(SID, None, "bAQ==")
    held = sorted(sessions.gather(SID, None, "bAg=="), key=lambda part: part.number)
    assert held == [PacketPart(1, 1, 2), PacketPart(2, 2), PacketPart(3, 3)]


def test_parts_that_miss_others_are_bounded(sessions: EngineSessions) -> None:
    for number in range(66):
        assert len(sessions.gather(SID, number, "bAQ==")) == number + 1
    with pytest.raises(TooLarge):
        sessions.gather(SID, 66, "bAQ==")
    assert sessions.gathered(SID) == []


def test_many_parts_at_once_make_one_packet(sessions: EngineSessions) -> None:
    parts = [HEAD.replace("52-", "58-"), *(f"bAA{n}=" for n in range(8))]

    def come(number: int) -> list[str] | None:
        held = sessions.gather(SID, 100 + number, parts[number])
        in_order = sorted(held, key=lambda part: part.at)
        return sessions.hand_out(SID, in_order) if len(held) == 9 else None

    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(come, range(9)))
    assert [each for each in answers if each] == [parts]


POLLS = replace(TARGET, api_id=POLLING, stage="")
WEBSOCKET = replace(TARGET, connection_id=ConnectionId("ws="))


@pytest.fixture
def polling(sessions: EngineSessions) -> EngineSessions:
    sessions.open(replace(SESSION, target=POLLS))
    return sessions


def test_frames_wait_for_a_poll_and_are_taken_once(polling: EngineSessions) -> None:
    assert polling.push(SID, ["4a", "4b"]) is True
    assert polling.push(SID, ["4c"]) is True
    assert polling.poll(SID, "p1", 100, 0)
    assert polling.take(SID, "p1") == ["4a", "4b", "4c"]
    assert polling.poll(SID, "p2", 100, 0), "the first poll has ended"
    assert polling.take(SID, "p2") is None
    polling.push(SID, ["4d"])
    assert polling.take(SID, "p2") == ["4d"]


def test_one_poll_waits_at_a_time_until_its_time_is_over(polling: EngineSessions) -> None:
    assert polling.poll(SID, "p1", 100, 0)
    assert not polling.poll(SID, "p2", 150, 50)
    assert polling.poll(SID, "p3", 250, 101), "the first poll's function died"
    assert polling.take(SID, "p1") == ["6"]


def test_a_poll_that_was_given_frames_does_not_begin_again(polling: EngineSessions) -> None:
    polling.push(SID, ["4a"])
    assert polling.poll(SID, "p1", 100, 0)
    assert polling.take(SID, "p1") == ["4a"]
    assert not polling.poll(SID, "p1", 150, 50)
    assert polling.poll(SID, "p2", 150, 50)


def test_a_poll_that_was_given_nothing_may_begin_again(polling: EngineSessions) -> None:
    for _ in range(2):
        assert polling.poll(SID, "p1", 100, 0)
        polling.push(SID, ["6"])
        assert polling.take(SID, "p1") == ["6"]


def test_the_sessions_that_poll_are_counted(polling: EngineSessions) -> None:
    now_ms = 10**12  # later than in any other test
    others = [ConnectionId(f"other{number}=") for number in range(3)]
    for number, sid in enumerate(others, 1):
        polling.close(sid)
        polling.open(replace(SESSION, target=replace(POLLS, connection_id=sid)))
        assert polling.poll(sid, "p", now_ms + number, now_ms) == number
    assert polling.poll(SID, "p1", now_ms + 100, now_ms + 2) == 2, "the first two are over"
    assert polling.poll(SID, "p2", now_ms + 100, now_ms + 3) == 0
    ended, upgraded = others[:2]
    for sid in (ended, upgraded):
        assert polling.poll(sid, "p2", now_ms + 100, now_ms + 50) > 0
    polling.close(ended)
    assert polling.poll(others[2], "p2", now_ms + 100, now_ms + 50) == 3
    assert polling.drain(upgraded, WEBSOCKET, "m", now_ms + 50) is not None
    assert polling.poll(others[2], "p3", now_ms + 199, now_ms + 100) == 1
    assert polling.poll(SID, "p3", now_ms + 199, now_ms + 100) == 2


def test_many_pushes_and_takes_at_once_lose_and_double_nothing(polling: EngineSessions) -> None:
    def push(number: int) -> None:
        for part in range(20):
            assert polling.push(SID, [f"4{number}.{part}"]) is True

    taken: list[str] = []
    with ThreadPoolExecutor(5) as pool:
        running = [pool.submit(push, number) for number in range(4)]
        for turn in range(100_000):
            poll = f"p{turn}"
            assert polling.poll(SID, poll, turn + 1, turn)
            for _ in range(100_000):
                frames = polling.take(SID, poll)
                if frames is not None:
                    taken += frames
                    break
            if len(taken) >= 80:
                break
        for each in running:
            each.result(10)
    assert len(taken) == len(set(taken)) == 80
    for number in range(4):
        mine = [each for each in taken if each.startswith(f"4{number}.")]
        assert mine == [f"4{number}.{part}" for part in range(20)]


def test_a_closed_session_has_a_last_frame_for_the_poll_that_waits(
    polling: EngineSessions,
) -> None:
    assert polling.poll(SID, "p1", 100, 0)
    polling.close(SID, End.CLIENT)
    assert polling.take(SID, "p1") == ["6"]
    assert polling.push(SID, ["4x"]) is False
    with pytest.raises(NotFound):
        polling.poll(SID, "p2", 100, 0)


def test_a_session_that_the_server_ended_has_no_goodbye(polling: EngineSessions) -> None:
    assert polling.poll(SID, "p1", 100, 0)
    polling.close(SID)
    assert not polling.farewell(SID)
    assert polling.take(SID, "p1") == ["6"], "no close packet: Python clients end for good at it"


def test_a_session_that_ends_by_a_second_poll_has_a_close_packet(polling: EngineSessions) -> None:
    assert polling.poll(SID, "p1", 100, 0)
    polling.close(SID, End.OVERLAP)
    assert not polling.farewell(SID)
    assert polling.take(SID, "p1") == ["1"]


def test_a_goodbye_is_had_once(polling: EngineSessions) -> None:
    polling.close(SID, End.CLIENT)
    assert polling.farewell(SID)
    assert not polling.farewell(SID)
    polling.open(replace(SESSION, target=POLLS))
    assert polling.poll(SID, "p1", 100, 0)
    polling.close(SID, End.CLIENT)
    assert polling.take(SID, "p1") == ["6"]
    assert not polling.farewell(SID)


def test_a_write_buffer_is_bounded(polling: EngineSessions) -> None:
    assert polling.push(SID, ["4x"] * 1_000) is True
    assert polling.push(SID, ["4x"]) is False


def test_an_upgrade_drains_in_order_and_then_shows_the_way(polling: EngineSessions) -> None:
    polling.poll(SID, "p1", 100, 0)
    polling.push(SID, ["4a"])
    taken = polling.drain(SID, WEBSOCKET, "m1", 0)
    assert taken is not None
    assert taken.target == POLLS
    assert polling.get(SID) is None
    assert polling.take(SID, "p1") == ["6"]
    assert polling.push(SID, ["4b"]) is True, "behind what is being posted"
    other = replace(WEBSOCKET, connection_id=ConnectionId("other="))
    assert polling.drain(SID, other, "m2", 99_999) is None
    assert polling.queued(SID, "m1", 0, 1) == ["4a", "4b"]
    assert polling.queued(SID, "m1", 1, 2) == ["4b"]
    assert polling.push(SID, ["4c"]) is True
    assert polling.queued(SID, "m1", 2, 3) == []
    assert polling.push(SID, ["4d"]) == WEBSOCKET
    with pytest.raises(NotFound):
        polling.poll(SID, "p2", 100, 0)


def test_one_mover_drains_and_another_when_it_has_stalled(polling: EngineSessions) -> None:
    polling.push(SID, ["4a", "4b", "4c"])
    assert polling.drain(SID, WEBSOCKET, "m1", 1_000) is not None
    with pytest.raises(Conflict):
        polling.drain(SID, WEBSOCKET, "m2", 10_999)
    assert polling.queued(SID, "m2", 1, 10_999) is None, "nothing is forgotten"
    assert polling.queued(SID, "m1", 1, 10_999) == ["4b", "4c"]
    with pytest.raises(Conflict):
        polling.drain(SID, WEBSOCKET, "m2", 20_998)
    assert polling.drain(SID, WEBSOCKET, "m2", 20_999) is not None
    assert polling.queued(SID, "m1", 1, 21_000) is None
    assert polling.queued(SID, "m2", 0, 21_000) == ["4b", "4c"]


def test_a_probe_lets_a_waiting_poll_go(polling: EngineSessions) -> None:
    polling.probe(SID, 5)
    assert polling.poll(SID, "p1", 100, 0)
    assert polling.take(SID, "p1") is None, "the poll came after the probe"
    polling.probe(SID, 6)
    assert polling.take(SID, "p1") == ["6"]
    held = polling.get(SID)
    assert held is not None
    assert held.probed_ms == 6
    polling.probe(SID, 0)
    polling.probe(ConnectionId("unknown"), 7)
    assert polling.get(ConnectionId("unknown")) is None


def test_of_a_websocket_s_session_nothing_waits(sessions: EngineSessions) -> None:
    assert sessions.drain(SID, WEBSOCKET, "m1", 0) is None
    assert sessions.queued(SID, "m1", 0, 0) is None
    assert sessions.push(SID, ["4x"]) is False
    with pytest.raises(NotFound):
        sessions.poll(SID, "p1", 100, 0)


def test_a_wait_ends_with_a_push(valkey_url: str) -> None:
    sessions = RedisSessions(RedisClient(valkey_url, False))
    sessions.close(SID)
    sessions.open(replace(SESSION, target=POLLS))
    with ThreadPoolExecutor(1) as pool:
        pushed = pool.submit(sessions.push, SID, ["4x"])
        for _ in range(20):
            sessions.wait(SID, 1)
            if pushed.done():
                break
    assert pushed.result(5) is True


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
            lambda s: s.gathered(SID),
            lambda s: s.hand_out(SID, [PacketPart(1, 1)]),
            lambda s: s.close(SID),
            lambda s: s.push(SID, ["4"]),
            lambda s: s.poll(SID, "p", 1, 0),
            lambda s: s.take(SID, "p"),
            lambda s: s.probe(SID, 1),
            lambda s: s.farewell(SID),
            lambda s: s.drain(SID, WEBSOCKET, "m", 0),
            lambda s: s.queued(SID, "m", 0, 0),
        ):
            with pytest.raises(CacheDown):
                call(sessions)
