"""The contract of `ports.RoomStore`."""

from __future__ import annotations

from chalicelib.model.identifiers import RoomId
from chalicelib.model.rooms import Member, Role
from chalicelib.model.slices import Slice
from chalicelib.ports.rooms import RoomStore
from tests.support.stores import ANNA, BEN, LOBBY, OTHER, RACERS, member, room
from tests.support.threads import at_once


class TestRooms:
    def test_create(self, rooms: RoomStore) -> None:
        lobby = room(metadata={"name": "Lobby", "ratio": 1.5, "tags": ["a", None]})
        owner = member(ANNA, role=Role.OWNER)
        assert rooms.create(lobby, [owner, member(BEN)])
        assert rooms.get(LOBBY) == lobby
        assert rooms.members(LOBBY) == [owner, member(BEN)]
        assert rooms.member(LOBBY, ANNA) == owner

    def test_a_taken_id_writes_nothing(self, rooms: RoomStore) -> None:
        assert rooms.create(room(), [member(ANNA)])
        assert not rooms.create(room(metadata={"other": 1}), [member(BEN)])
        assert rooms.get(LOBBY) == room()
        assert rooms.members(LOBBY) == [member(ANNA)]

    def test_someone_named_twice_is_one_member(self, rooms: RoomStore) -> None:
        assert rooms.create(room(), [member(ANNA), member(ANNA, role=Role.OWNER)])
        assert rooms.members(LOBBY) == [member(ANNA, role=Role.OWNER)]

    def test_more_members_than_a_transaction_takes(self, rooms: RoomStore) -> None:
        everyone = [member(f"u{n:04d}") for n in range(250)]
        assert rooms.create(room(), everyone[::-1])
        assert rooms.members(LOBBY) == everyone

    def test_of_racing_creators_one_wins(self, rooms: RoomStore) -> None:
        won = at_once(RACERS, lambda n: rooms.create(room(), [member(f"u{n:02d}")]))
        assert won.count(True) == 1
        assert rooms.members(LOBBY) == [member(f"u{won.index(True):02d}")]

    def test_the_unknown(self, rooms: RoomStore) -> None:
        assert rooms.get(LOBBY) is None
        assert rooms.member(LOBBY, ANNA) is None
        assert rooms.members(LOBBY) == []
        assert rooms.rooms_of(ANNA) == []
        assert rooms.get_many([]) == []

    def test_get_many_answers_the_known_in_order(self, rooms: RoomStore) -> None:
        names = [RoomId(f"r{n:03d}") for n in range(130)]
        for name in names[::20]:
            rooms.create(room(name), [member(ANNA, name)])
        assert [found.room_id for found in rooms.get_many(names[::-1])] == names[::20][::-1]

    def test_slices_of_memberships_are_in_order(self, rooms: RoomStore) -> None:
        names = [RoomId(f"r{n}") for n in range(5)]
        for name in names[::-1]:
            rooms.create(room(name), [member(BEN, name), member(ANNA, name)])
        rooms.remove_member(names[1], ANNA)
        first = rooms.slice_of(ANNA, RoomId(""), 2)
        assert list(first.found.items()) == [(each, member(ANNA, each)) for each in ("r0", "r2")]
        assert first.end == "r2"
        assert list(rooms.slice_of(ANNA, RoomId("r2"), 2).found) == ["r3", "r4"]
        assert rooms.slice_of(ANNA, RoomId("r2"), 2).end is None
        assert rooms.slice_of(ANNA, RoomId("r4"), 2) == Slice({}, None)

    def test_roles(self, rooms: RoomStore) -> None:
        names = [RoomId(f"r{n:03d}") for n in range(130)]
        for name in names[::20]:
            rooms.create(room(name), [member(BEN, name, role=Role.OWNER), member(ANNA, name)])
        rooms.remove_member(names[0], ANNA)
        assert rooms.roles(ANNA, [*names, names[20]]) == dict.fromkeys(names[20::20], Role.MEMBER)
        assert rooms.roles(BEN, names[:1]) == {names[0]: Role.OWNER}
        assert rooms.roles(ANNA, []) == {}

    def test_joined_since(self, rooms: RoomStore) -> None:
        at_ms = 1_000
        for room_id, joined_ms in ((LOBBY, at_ms - 1), (OTHER, at_ms)):
            rooms.add_member(Member(room_id, ANNA, Role.MEMBER, joined_ms))
        rooms.add_member(Member(OTHER, BEN, Role.MEMBER, at_ms + 1))
        assert rooms.joined_since(ANNA, at_ms) == [Member(OTHER, ANNA, Role.MEMBER, at_ms)]
        assert rooms.joined_since(BEN, at_ms + 2) == []

    def test_rooms_of(self, rooms: RoomStore) -> None:
        rooms.create(room(), [member(ANNA), member(BEN)])
        rooms.create(room(OTHER), [member(ANNA, OTHER)])
        assert sorted(rooms.rooms_of(ANNA)) == [LOBBY, OTHER]
        assert rooms.rooms_of(BEN) == [LOBBY]

    def test_add_member(self, rooms: RoomStore) -> None:
        rooms.create(room(), [member(ANNA)])
        ben = member(BEN)
        assert rooms.add_member(ben)
        assert not rooms.add_member(ben)
        assert not rooms.add_member(member(BEN, role=Role.ADMIN))
        assert rooms.member(LOBBY, BEN) == ben

    def test_remove_member(self, rooms: RoomStore) -> None:
        rooms.create(room(), [member(ANNA), member(BEN)])
        assert rooms.remove_member(LOBBY, BEN)
        assert not rooms.remove_member(LOBBY, BEN)
        assert rooms.member(LOBBY, BEN) is None
        assert rooms.rooms_of(BEN) == []

    def test_racers_add_and_remove_once(self, rooms: RoomStore) -> None:
        rooms.create(room(), [member(ANNA)])
        assert at_once(RACERS, lambda n: rooms.add_member(member(BEN))).count(True) == 1
        assert at_once(RACERS, lambda n: rooms.remove_member(LOBBY, BEN)).count(True) == 1
