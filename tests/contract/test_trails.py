"""The contract of `ports.Trails`, in memory and on Valkey."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.redis import keys
from chalicelib.adapters.redis.client import RedisClient
from chalicelib.adapters.redis.trails import RedisTrails
from chalicelib.kernel.errors import CacheDown
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId, Region, RoomId, Stream, UserId
from chalicelib.model.sessions import StreamsSent, Trail
from chalicelib.ports.sessions import Trails
from tests.support.valkey import valkey
from tests.support.waiting import until

EAST = Region("us-east-1")
ONE, TWO = (RoomId("one.x"), EAST), (RoomId("two"), EAST)
TARGET = Target(ConnectionId("a="), UserId("u"), "api", "prod", EAST, "sio+:/", 1, "SID")
TRAIL = Trail(TARGET, "PID", "CHECKPOINT")
BEGUN = replace(TRAIL, begun=True)


@pytest.fixture(params=["memory", "valkey"])
def trails(request: pytest.FixtureRequest, valkey_url: str) -> Trails:
    if request.param == "memory":
        return MemoryTrails()
    client = RedisClient(valkey_url, False)
    client.run(("FLUSHALL",))
    return RedisTrails(client)


def begin(
    trails: Trails, stream: Stream, after: int | None, upto: int, mark: str = "M"
) -> Trail | None:
    [found] = trails.begin(["SID"], stream, after, upto, mark)
    return found


def test_of_the_unknown_nothing_is_kept(trails: Trails) -> None:
    assert begin(trails, ONE, None, 1) is None
    assert trails.hold("SID") is None
    trails.release("SID")
    trails.follow("SID", TARGET.connection_id, TARGET)
    assert trails.settle(ONE, "M", {"SID": 5}) == {}
    trails.rebase({"SID": "NEXT"}, {"SID": StreamsSent({})})
    assert begin(trails, ONE, None, 1) is None
    assert trails.sent(["SID"]) == {}


def test_it_is_found_as_it_was_put(trails: Trails) -> None:
    trails.start("SID", TRAIL, {ONE: 3, TWO: 0})
    assert begin(trails, ONE, 3, 4) == replace(BEGUN, seq=3)
    assert begin(trails, TWO, 0, 1) == replace(BEGUN, seq=0)
    assert begin(trails, (RoomId("new"), EAST), 0, 1) == BEGUN
    assert trails.sent(["SID", "other"]) == {"SID": StreamsSent({ONE: 3, TWO: 0})}


@pytest.mark.parametrize(
    ("after", "upto", "begun"),
    [
        *((3, 4, True), (3, 9, True), (1, 4, True), (None, 9, True)),
        *((4, 5, False), (0, 3, False), (None, 3, False)),  # it misses entry 4; it has entry 3
    ],
)
def test_what_is_next_is_begun(trails: Trails, after: int | None, upto: int, begun: bool) -> None:
    trails.start("SID", TRAIL, {ONE: 3})
    assert begin(trails, ONE, after, upto) == replace(TRAIL, seq=3, begun=begun)
    # What was not begun is not held.
    assert begin(trails, ONE, None, 9) == replace(TRAIL, seq=3, begun=not begun, held=begun)


def test_of_a_stream_that_was_never_sent_the_first_entry_is_next(trails: Trails) -> None:
    trails.start("SID", TRAIL, {})
    assert begin(trails, ONE, 4, 5) == TRAIL
    assert begin(trails, ONE, 0, 1) == BEGUN


def test_a_stream_is_held_until_it_is_settled(trails: Trails) -> None:
    trails.start("SID", TRAIL, {ONE: 3, TWO: 7})
    assert begin(trails, ONE, 3, 4, "A") == replace(BEGUN, seq=3)
    assert begin(trails, ONE, 3, 4, "B") == replace(TRAIL, seq=3, held=True)
    assert begin(trails, TWO, 7, 8, "C") == replace(BEGUN, seq=7)
    assert trails.settle(ONE, "A", {"SID": 4}) == {"SID": 1}
    assert trails.settle(TWO, "C", {"SID": None}) == {"SID": 1}
    assert begin(trails, ONE, 4, 5) == replace(BEGUN, since=((*ONE, 4),), seq=4)
    assert begin(trails, TWO, 7, 8) == replace(BEGUN, since=((*ONE, 4),), seq=7)
    assert trails.sent(["SID"]) == {"SID": StreamsSent({ONE: 4, TWO: 7}, ((*ONE, 4),))}


def test_who_lost_the_mark_settles_nothing(trails: Trails) -> None:
    """A process that was paused: the socket has come back, or another one holds the stream."""
    trails.start("SID", TRAIL, {ONE: 3})
    begin(trails, ONE, 3, 4, "PAUSED")
    trails.start("SID", TRAIL, {ONE: 3})
    assert trails.settle(ONE, "PAUSED", {"SID": 4}) == {}
    begin(trails, ONE, 3, 4, "B")
    assert trails.settle(ONE, "PAUSED", {"SID": 4}) == {}
    assert begin(trails, ONE, 3, 4) == replace(TRAIL, seq=3, held=True)


def test_the_latest_stream_is_the_last(trails: Trails) -> None:
    trails.start("SID", TRAIL, {})
    for stream, seq in ((ONE, 1), (TWO, 1), (ONE, 2)):
        begin(trails, stream, seq - 1, seq)
        trails.settle(stream, "M", {"SID": seq})
    assert trails.sent(["SID"])["SID"].since == ((*TWO, 1), (*ONE, 2))


def test_all_sockets_are_answered_in_order(trails: Trails) -> None:
    for sid, seq in (("SID", 3), ("OTHER", 5)):
        trails.start(sid, TRAIL, {ONE: seq})
    found = trails.begin(["OTHER", "unknown", "SID"], ONE, 3, 5, "M")
    assert found == [replace(TRAIL, seq=5), None, replace(BEGUN, seq=3)]
    assert trails.settle(ONE, "M", {"OTHER": 5, "unknown": 5, "SID": 5}) == {"SID": 1}


def test_a_new_checkpoint_covers_what_was_sent(trails: Trails) -> None:
    trails.start("SID", TRAIL, {})
    for stream in (ONE, TWO):
        begin(trails, stream, 0, 1)
        trails.settle(stream, "M", {"SID": 1})
    sent = trails.sent(["SID"])
    begin(trails, TWO, 1, 2)
    trails.settle(TWO, "M", {"SID": 2})  # after it was read
    trails.rebase({"SID": "NEXT"}, sent)
    expected = replace(TRAIL, checkpoint_id="NEXT", since=((*TWO, 2),), seq=1)
    assert begin(trails, ONE, 1, 2) == replace(expected, begun=True)
    trails.rebase({"SID": "LAST"}, trails.sent(["SID"]))
    assert begin(trails, TWO, 2, 3) == replace(BEGUN, checkpoint_id="LAST", seq=2)


def test_one_that_is_held_for_a_connect_is_in_doubt(trails: Trails) -> None:
    trails.start("SID", TRAIL, {ONE: 3})
    assert trails.hold("SID") == TRAIL
    doubtful = replace(TRAIL, in_doubt=True)
    assert trails.hold("SID") == doubtful
    assert begin(trails, ONE, 3, 4) == replace(doubtful, seq=3)
    trails.release("SID")
    assert begin(trails, ONE, 3, 4) == replace(BEGUN, seq=3)


def test_one_that_starts_in_doubt_is_so_until_it_is_released(trails: Trails) -> None:
    trails.start("SID", replace(TRAIL, in_doubt=True), {ONE: 3})
    assert begin(trails, ONE, 3, 4) == replace(TRAIL, in_doubt=True, seq=3)
    trails.release("SID")
    assert begin(trails, ONE, 3, 4) == replace(BEGUN, seq=3)


def test_a_start_forgets_what_was(trails: Trails) -> None:
    trails.start("SID", TRAIL, {ONE: 3, TWO: 1})
    begin(trails, ONE, 3, 4)
    trails.start("SID", replace(TRAIL, pid="OTHER"), {ONE: 7})
    assert begin(trails, ONE, 7, 8) == replace(BEGUN, pid="OTHER", seq=7)
    assert trails.sent(["SID"]) == {"SID": StreamsSent({ONE: 7})}


def test_it_follows_its_socket(trails: Trails) -> None:
    trails.start("SID", TRAIL, {ONE: 3})
    there = replace(TARGET, connection_id=ConnectionId("b="))
    trails.follow("SID", TARGET.connection_id, there)
    assert begin(trails, ONE, 3, 4) == replace(BEGUN, target=there, seq=3)


def test_a_late_hand_over_does_not_lead_it_back(trails: Trails) -> None:
    now = replace(TARGET, connection_id=ConnectionId("c="))
    trails.start("SID", replace(TRAIL, target=now), {ONE: 3})
    trails.follow("SID", TARGET.connection_id, replace(TARGET, connection_id=ConnectionId("b=")))
    assert begin(trails, ONE, 3, 4) == replace(BEGUN, target=now, seq=3)


def test_it_says_which_attempt_started_it(trails: Trails) -> None:
    trails.start("SID", replace(TRAIL, attempt="A1"), {})
    held = trails.hold("SID")
    assert held is not None
    assert held.attempt == "A1"


def test_after_a_failover_in_memory_it_is_in_doubt() -> None:
    trails = MemoryTrails()
    trails.start("SID", TRAIL, {ONE: 3})
    trails.lag()
    trails.fail_over()
    for _ in range(2):
        assert begin(trails, ONE, 3, 4) == replace(TRAIL, seq=3, in_doubt=True)
        assert trails.hold("SID") == replace(TRAIL, in_doubt=True)
        trails.release("SID")
    trails.start("SID", TRAIL, {ONE: 4})
    assert begin(trails, ONE, 4, 5) == replace(BEGUN, seq=4)


def test_after_a_failover_on_valkey_it_is_in_doubt() -> None:
    """A replica that lacks the last writes becomes the primary."""
    with valkey() as primary, valkey() as replica:
        before = RedisTrails(RedisClient(primary.url, False))
        before.start("SID", TRAIL, {ONE: 3})
        before.start("SECOND", TRAIL, {ONE: 3})
        replica.client.execute_command("REPLICAOF", "127.0.0.1", primary.port)
        until(lambda: replica.client.exists(keys.trail("SID")) == 1)
        primary.stop()
        replica.client.execute_command("REPLICAOF", "NO", "ONE")
        after = RedisTrails(RedisClient(replica.url, False))
        for _ in range(2):
            found = after.begin(["SID", "SECOND"], ONE, 3, 4, "M")
            assert [each.in_doubt and not each.begun for each in found if each] == [True, True]
            assert after.hold("SID") == replace(TRAIL, in_doubt=True)
            after.release("SID")
        after.start("SID", TRAIL, {ONE: 4})
        assert begin(after, ONE, 4, 5) == replace(BEGUN, seq=4)


def test_one_that_an_earlier_version_started_is_not_in_doubt(valkey_url: str) -> None:
    client = RedisClient(valkey_url, False)
    trails = RedisTrails(client)
    trails.start("SID", TRAIL, {ONE: 3})
    client.run(("HDEL", keys.trail("SID"), "epoch", "attempt"))
    assert begin(trails, ONE, 3, 4) == replace(BEGUN, seq=3)


def test_without_redis() -> None:
    memory = MemoryTrails()
    memory.down = True
    for each in (memory, RedisTrails(RedisClient("redis://127.0.0.1:1", False))):
        with pytest.raises(CacheDown):
            begin(each, ONE, 3, 4)
