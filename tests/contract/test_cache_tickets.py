"""The contract of `ports.Cache`: tickets."""

from __future__ import annotations

from chalicelib.model.identifiers import ConnectionId, Region, RoomId
from tests.support.cache import EAST, OTHER, ROOM, WEST, Rig
from tests.support.threads import together


class TestTickets:
    def test_tickets_count_on_from_the_head_in_their_stream(self, rig: Rig) -> None:
        def draw(room: RoomId, region: Region) -> int:
            return rig.cache.frame(ConnectionId("x="), room, region).ticket

        assert [draw(ROOM, EAST), draw(ROOM, EAST)] == [1, 2]
        rig.cache.set_ticket(ROOM, EAST, 41)
        assert [draw(ROOM, EAST), draw(ROOM, WEST), draw(OTHER, EAST)] == [42, 1, 1]
        assert rig.cache.frame(ConnectionId("x="), ROOM, None).ticket is None
        rig.wait(3599)
        assert draw(ROOM, EAST) == 43
        rig.wait(3600)
        assert draw(ROOM, EAST) == 1

    def test_tickets_of_many_threads_differ(self, rig: Rig) -> None:
        rig.cache.set_ticket(ROOM, EAST, 10)
        frame = rig.cache.frame
        frames = together([lambda: frame(ConnectionId("x="), ROOM, EAST)] * 16)
        assert sorted(each.ticket for each in frames) == list(range(11, 27))

    def test_a_ticket_is_given_back_unless_later_ones_are_out(self, rig: Rig) -> None:
        def ticket() -> int | None:
            return rig.cache.frame(ConnectionId("x="), ROOM, EAST).ticket

        assert (ticket(), ticket()) == (1, 2)
        rig.cache.return_ticket(ROOM, EAST, 1)
        assert ticket() == 3
        rig.cache.return_ticket(ROOM, EAST, 3)
        assert ticket() == 3
