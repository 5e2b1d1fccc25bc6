"""The contract of `ports.Cache`: what a frame needs."""

from __future__ import annotations

from chalicelib.model.connections import FrameContext
from chalicelib.model.identifiers import ConnectionId
from chalicelib.model.rooms import Role
from tests.support.cache import ALICE, BOB, EAST, NOW, ROOM, Rig, connection, target


class TestFrame:
    def test_it_answers_the_connection_as_registered(self, rig: Rig) -> None:
        for one in [connection(ALICE), connection(BOB, roles=(), rooms=(), device_info={})]:
            rig.cache.register(one)
            assert rig.cache.frame(one.connection_id, None, None) == FrameContext(one)

    def test_of_an_unknown_connection_the_room_is_still_answered(self, rig: Rig) -> None:
        unknown = ConnectionId("nobody=")
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.OWNER})
        frame = rig.cache.frame(unknown, ROOM, EAST)
        assert (frame.connection, frame.role, frame.version) == (None, None, version)
        assert frame.turn is not None
        assert rig.cache.frame(unknown, None, EAST) == FrameContext(None)

    def test_an_unregistered_connection_is_forgotten(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        rig.cache.unregister(target(ALICE), NOW)
        assert rig.cache.frame(target(ALICE).connection_id, None, None) == FrameContext(None)

    def test_frames_keep_the_connection_for_an_hour(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        for _ in range(2):
            rig.wait(3599)
            assert rig.cache.frame(one.connection_id, None, None).connection == one
        rig.wait(3600)
        assert rig.cache.frame(one.connection_id, None, None).connection is None
