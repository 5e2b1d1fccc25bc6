"""New checkpoints: what was sent until then, and what is sent later is named beside them."""

from __future__ import annotations

from chalicelib.adapters.memory.checkpoints import MemoryCheckpointStore
from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.system import SystemThreads
from chalicelib.kernel.errors import Unavailable
from chalicelib.messaging.checkpoints import Checkpoints
from chalicelib.model.identifiers import Region, RoomId
from chalicelib.model.sessions import Checkpoint, Trail
from tests.support.examples import TARGET
from tests.support.world import CountingIds, FakeClock

STREAM = (RoomId("lobby"), Region("us-east-1"))
TRAIL = Trail(TARGET, "PID", "OLD", ((*STREAM, 3),))


class NotWriting(MemoryCheckpointStore):
    def put(self, checkpoint: Checkpoint, now_ms: int) -> None:
        raise Unavailable("the store is away")


def checkpoints(trails: MemoryTrails, store: MemoryCheckpointStore) -> Checkpoints:
    return Checkpoints(store, trails, SystemThreads(), FakeClock(), CountingIds())


def test_it_is_stored_before_it_is_named() -> None:
    trails, store = MemoryTrails(), MemoryCheckpointStore()
    trails.start("SID", TRAIL, {STREAM: 3})
    names = checkpoints(trails, store).renew({"SID": TRAIL, "unknown": TRAIL})
    assert names.keys() == {"SID"}
    found = store.get(names["SID"])
    assert found is not None
    assert (found.pid, found.sid, found.seen) == ("PID", "SID", {STREAM: 3})
    [trail] = trails.begin(["SID"], STREAM, 3, 4, "M")
    assert trail is not None
    assert (trail.checkpoint_id, trail.since) == (names["SID"], ())


def test_the_old_one_stays_if_it_cannot_be_written() -> None:
    trails = MemoryTrails()
    trails.start("SID", TRAIL, {STREAM: 3})
    checkpoints(trails, NotWriting()).try_renew({"SID": TRAIL})
    [trail] = trails.begin(["SID"], STREAM, 3, 4, "M")
    assert trail is not None
    assert (trail.checkpoint_id, trail.since) == ("OLD", TRAIL.since)
