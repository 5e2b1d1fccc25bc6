"""The contract of `ports.Cache`: recent entries."""

from __future__ import annotations

import random
from dataclasses import replace

from chalicelib.model.delivery import Delivering
from chalicelib.model.identifiers import ConnectionId, MessageId, RoomId
from chalicelib.model.log import EntryKind
from chalicelib.model.rooms import Role
from tests.support.cache import ALICE, BOB, OTHER, ROOM, Rig, entry


class TestRecent:
    def test_oldest_first_by_room(self, rig: Rig) -> None:
        rig.cache.deliver(ROOM, [entry(3), entry(1)])
        rig.cache.deliver(OTHER, [entry(7, OTHER)])
        rig.cache.deliver(ROOM, [entry(2)])
        found = rig.cache.recent([ROOM, OTHER, RoomId("none")])
        assert found == {ROOM: [entry(1), entry(2), entry(3)], OTHER: [entry(7, OTHER)], "none": []}
        assert rig.cache.recent([]) == {}

    def test_an_entry_replaces_itself(self, rig: Rig) -> None:
        rig.cache.deliver(ROOM, [entry(n) for n in (1, 2, 3)])
        deleted = entry(2, content=None, deleted=True)
        rig.cache.deliver(ROOM, [deleted])
        assert rig.cache.recent([ROOM])[ROOM] == [entry(1), deleted, entry(3)]

    def test_who_is_late_does_not_bring_back_what_was_deleted(self, rig: Rig) -> None:
        deleted = entry(2, content=None, deleted=True)
        rig.cache.deliver(ROOM, [entry(1), deleted])
        rig.cache.deliver(ROOM, [entry(1, content={"deleted": True}), entry(2)])
        assert rig.cache.recent([ROOM])[ROOM] == [entry(1, content={"deleted": True}), deleted]
        rig.cache.deliver(ROOM, [entry(1)])
        assert rig.cache.recent([ROOM])[ROOM] == [entry(1), deleted]

    def test_what_was_deleted_stays_so_within_one_delivery(self, rig: Rig) -> None:
        deleted = entry(1, content=None, deleted=True)
        rig.cache.deliver(ROOM, [entry(1), deleted, entry(1)])
        assert rig.cache.recent([ROOM])[ROOM] == [deleted]

    def test_every_field_survives(self, rig: Rig) -> None:
        full = replace(
            entry(1),
            kind=EntryKind.DELETION,
            message_type="text",
            reply_to_message_id=MessageId("r"),
            client_message_id="c|{~",
            target_id=MessageId("t"),
            origin_id=ConnectionId("o="),
        )
        rig.cache.deliver(ROOM, [full])
        assert rig.cache.recent([ROOM]) == {ROOM: [full]}

    def test_the_newest_50_are_kept(self, rig: Rig) -> None:
        numbers = list(range(1, 121))
        random.Random(1).shuffle(numbers)
        rig.cache.deliver(ROOM, [entry(n) for n in numbers[:60]])
        rig.cache.deliver(ROOM, [entry(n) for n in numbers[60:]])
        assert [each.seq for each in rig.cache.recent([ROOM])[ROOM]] == list(range(71, 121))

    def test_they_are_kept_for_an_hour(self, rig: Rig) -> None:
        rig.cache.deliver(ROOM, [entry(1)])
        rig.wait(3599)
        rig.cache.deliver(ROOM, [entry(2)])
        rig.wait(3599)
        assert len(rig.cache.recent([ROOM])[ROOM]) == 2
        rig.wait(1)
        assert rig.cache.recent([ROOM]) == {ROOM: []}


class TestDeliver:
    def test_it_begins_with_all_that_is_known_of_the_room(self, rig: Rig) -> None:
        assert rig.cache.deliver(ROOM, []) == Delivering(None, None)
        version = rig.cache.fill_members(ROOM, None, {ALICE: Role.OWNER, BOB: Role.MEMBER})
        assert rig.cache.deliver(ROOM, [entry(1)]) == Delivering(
            version, {ALICE: Role.OWNER, BOB: Role.MEMBER}
        )
        assert rig.cache.recent([ROOM]) == {ROOM: [entry(1)]}
        rig.cache.bump(ROOM)
        after = rig.cache.deliver(ROOM, [])
        assert after.members is None
        assert after.version not in (None, version)
