"""The contract of `ports.CheckpointStore`."""

from __future__ import annotations

from typing import ClassVar

from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.sessions import MOST_USES, Checkpoint
from tests.support.stores import HERE, LOBBY, NOW, Stores


class TestCheckpoints:
    SEEN: ClassVar = {(LOBBY, HERE): 7, (RoomId("a.b-c"), Region("eu-west-1")): 0}

    def test_one_is_kept_as_it_is(self, stores: Stores) -> None:
        one = Checkpoint("C1", "PID", "SID", UserId("u:1"), "sio+:/", self.SEEN)
        assert stores.checkpoints.get("C1") is None
        stores.checkpoints.put(one, NOW)
        assert stores.checkpoints.get("C1") == one

    def test_each_offset_is_used_once(self, stores: Stores) -> None:
        one = Checkpoint("C2", "PID", "SID", UserId("u"), "sio+:/", {})
        assert not stores.checkpoints.use("C2", "C2")
        stores.checkpoints.put(one, NOW)
        assert stores.checkpoints.use("C2", "C2")
        assert not stores.checkpoints.use("C2", "C2")
        assert stores.checkpoints.use("C2", "C2;one:us-east-1:5")
        assert stores.checkpoints.get("C2") == one

    def test_it_is_used_a_bounded_number_of_times(self, stores: Stores) -> None:
        """Else a client could make up offsets, which are kept, until the item is full."""
        stores.checkpoints.put(Checkpoint("C3", "PID", "SID", UserId("u"), "sio+:/", {}), NOW)
        offsets = [f"C3;one:us-east-1:{seq}" for seq in range(MOST_USES + 1)]
        assert [stores.checkpoints.use("C3", each) for each in offsets] == [
            *([True] * MOST_USES),
            False,
        ]
        assert not stores.checkpoints.use("C3", offsets[0])
