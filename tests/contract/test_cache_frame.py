"""The contract of `ports.Cache`: what a frame needs."""

from __future__ import annotations

from chalicelib.model.access import Charge
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

    def test_a_room_without_a_version_gets_one(self, rig: Rig) -> None:
        frames = [rig.cache.frame(target(ALICE).connection_id, ROOM, None) for _ in range(2)]
        assert frames[0].version == frames[1].version is not None
        assert rig.cache.members(ROOM) == (frames[0].version, None)
        assert rig.cache.fill_members(ROOM, frames[0].version, {ALICE: Role.OWNER})
        rig.cache.bump(ROOM)
        assert rig.cache.frame(target(ALICE).connection_id, ROOM, None).version not in (
            None,
            frames[0].version,
        )

    def test_nobody_has_a_role_in_a_room_that_all_have_left(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        rig.cache.fill_members(ROOM, None, {})
        for charge in (None, Charge("x", 10.0, 100, NOW, ALICE)):
            frame = rig.cache.frame(one.connection_id, ROOM, EAST, charge)
            assert (frame.connection, frame.role) == (one, None)
            assert frame.turn is not None
            assert frame.turn.room is None

    def test_the_role_of_a_user_whom_the_process_knows(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        charge = Charge("x", 10.0, 100, NOW, ALICE)

        def role() -> Role | None:
            return rig.cache.frame(one.connection_id, ROOM, None, charge).role

        assert role() is None
        version, _ = rig.cache.members(ROOM)
        rig.cache.fill_members(ROOM, version, {ALICE: Role.ADMIN})
        assert role() is Role.ADMIN
        assert rig.cache.frame(one.connection_id, ROOM, None).role is None, "whose is it?"
        rig.cache.bump(ROOM)
        assert role() is None, "members of another version"

    def test_a_grant_goes_with_the_next_round_trip(self, rig: Rig) -> None:
        one = connection(ALICE)
        rig.cache.register(one)
        version = rig.cache.frame(one.connection_id, ROOM, None).version
        before = rig.cache.round_trips
        rig.cache.grant(one.connection_id, ROOM, version, Role.MEMBER)
        assert rig.cache.round_trips == before
        rig.cache.members(ROOM)
        assert rig.cache.frame(one.connection_id, ROOM, None).role is Role.MEMBER

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
