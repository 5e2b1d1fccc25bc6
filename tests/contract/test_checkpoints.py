"""The contract of `ports.CheckpointStore`."""

from __future__ import annotations

from typing import ClassVar

from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.sessions import Checkpoint
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
