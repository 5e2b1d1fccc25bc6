"""Which sockets that can recover get a room's entries at once, and what is stored afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib.adapters.memory.checkpoints import MemoryCheckpointStore
from chalicelib.adapters.memory.queue import MemoryQueue
from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.system import SystemThreads
from chalicelib.messaging.checkpoints import Checkpoints
from chalicelib.messaging.recovering import TOO_MANY_SINCE, RecoveringSockets
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind
from chalicelib.model.sessions import Trail
from tests.support.world import CountingIds, FakeClock

HERE, LOBBY = Region("us-east-1"), RoomId("lobby")
STREAM = (LOBBY, HERE)
SOCKET = Target(ConnectionId("b="), UserId("bob"), "api", "prod", HERE, "sio+:/", 1, "SID")
TRAIL = Trail(SOCKET, "PID", "CHECKPOINT")
ENTRIES = [
    Entry(
        LOBBY, HERE, seq, MessageId(f"{seq:026}"), EntryKind.MESSAGE, UserId("s"), seq, content="x"
    )
    for seq in (4, 5)
]


@pytest.fixture
def trails() -> MemoryTrails:
    trails = MemoryTrails()
    trails.start("SID", TRAIL, {STREAM: 3})
    return trails


def sockets(trails: MemoryTrails, queue: MemoryQueue | None = None) -> RecoveringSockets:
    store, clock, ids = MemoryCheckpointStore(), FakeClock(), CountingIds()
    checkpoints = Checkpoints(store, trails, SystemThreads(), clock, ids)
    return RecoveringSockets(trails, checkpoints, queue or MemoryQueue(), ids)


def outcome(trails: MemoryTrails, targets: Sequence[Target] = (SOCKET,)) -> str:
    begun = sockets(trails).begin(ENTRIES, targets)
    assert begun.others.isdisjoint(begun.trails)
    return "now" if "SID" in begun.trails else "own group" if "SID" in begun.others else "not"


def test_one_whose_trail_goes_on_here_is_posted_to(trails: MemoryTrails) -> None:
    begun = sockets(trails).begin(ENTRIES, [SOCKET])
    assert begun.offset(ENTRIES[0], SOCKET) == "CHECKPOINT;lobby:us-east-1:4"
    assert not begun.has(ENTRIES[0], SOCKET)


@pytest.mark.parametrize("seq", [5, 7])
def test_one_that_has_the_entries_gets_nothing(trails: MemoryTrails, seq: int) -> None:
    trails.start("SID", TRAIL, {STREAM: seq})
    begun = sockets(trails).begin(ENTRIES, [SOCKET])
    assert all(begun.has(entry, SOCKET) for entry in ENTRIES)
    assert outcome(trails) == "now"


@pytest.mark.parametrize(
    "trail",
    [replace(TRAIL, in_doubt=True), replace(TRAIL, target=replace(SOCKET, connection_id="other="))],
    ids=["being opened", "moved"],
)
def test_one_that_is_not_settled_waits_in_its_own_group(trails: MemoryTrails, trail: Trail) -> None:
    trails.start("SID", trail, {STREAM: 3})
    assert outcome(trails) == "own group"


def test_so_does_one_that_missed_an_entry_or_is_unknown(trails: MemoryTrails) -> None:
    trails.start("SID", TRAIL, {STREAM: 2})
    assert outcome(trails) == "own group"
    trails.start("SID", TRAIL, {})
    assert outcome(trails) == "own group", "a room that is new to the socket"
    trails.flush()
    assert outcome(trails) == "own group"
    trails.down = True
    assert outcome(trails) == "own group"


def test_so_does_one_that_another_process_posts_to(trails: MemoryTrails) -> None:
    assert outcome(trails) == "now"
    assert outcome(trails) == "own group"


def test_so_does_one_with_too_many_streams_since_its_checkpoint(trails: MemoryTrails) -> None:
    since = tuple((RoomId(f"r{number}"), HERE, 1) for number in range(TOO_MANY_SINCE))
    trails.start("SID", replace(TRAIL, since=since), {STREAM: 3})
    service = sockets(trails)
    begun = service.begin(ENTRIES, [SOCKET])
    assert begun.others == {"SID"}
    service.settle(begun, {})
    [trail] = trails.begin(["SID"], STREAM, 3, 5, "next")
    assert trail is not None
    assert trail.begun, "it is not left marked"


def test_of_two_connections_of_an_upgrade_the_current_one_counts(trails: MemoryTrails) -> None:
    left = replace(SOCKET, connection_id=ConnectionId("left="))
    begun = sockets(trails).begin(ENTRIES, [left, SOCKET])
    assert begun.current([left, SOCKET]) == [SOCKET]


def test_others_are_none_of_its_business(trails: MemoryTrails) -> None:
    json, moments = replace(SOCKET, protocol="json"), replace(SOCKET, protocol="sio+:/moments")
    assert outcome(trails, [json, moments]) == "not"


def test_what_is_unknown_stays_marked(trails: MemoryTrails) -> None:
    service = sockets(trails)
    service.settle(service.begin(ENTRIES, [SOCKET]), {})
    assert outcome(trails) == "own group"
    trails.start("SID", TRAIL, {STREAM: 3})
    service.settle(service.begin(ENTRIES, [SOCKET]), {"SID": 4})
    assert trails.sent(["SID"])["SID"].seen == {STREAM: 4}


def test_without_redis_it_stays_marked_too(trails: MemoryTrails) -> None:
    service = sockets(trails)
    begun = service.begin(ENTRIES, [SOCKET])
    trails.down = True
    service.settle(begun, {"SID": 5})
    trails.down = False
    assert outcome(trails) == "own group"


def test_the_last_entry_is_queued_once(trails: MemoryTrails) -> None:
    queue = MemoryQueue()
    sockets(trails, queue).queue_for([(entry, SOCKET) for entry in ENTRIES])
    assert [job.dedupe for job in queue.jobs] == [f"r#us-east-1#5#SID#{ENTRIES[1].message_id}"]
