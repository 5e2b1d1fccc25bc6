"""The contract of `ports.Cursors`."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.model.delivery import Cursor, Place
from chalicelib.model.identifiers import ConnectionId, MessageId, UserId
from chalicelib.model.log import Head
from tests.support.stores import HERE, LOBBY, NOW, OTHER, RACERS, THERE, Stores, message
from tests.support.threads import at_once

PHONE, LAPTOP = ConnectionId("phone="), ConnectionId("laptop=")


class TestCursors:
    def test_goes_forward_only(self, stores: Stores) -> None:
        cursors = stores.cursors
        assert cursors.get(LOBBY, HERE) == Cursor()
        cursors.advance(message(3), 0)
        assert cursors.get(LOBBY, HERE) == Cursor(3, message(3).message_id, 0)
        cursors.advance(message(2), NOW)
        assert cursors.get(LOBBY, HERE) == Cursor(3, message(3).message_id, 0)
        cursors.advance(message(4), NOW)
        assert cursors.get(LOBBY, HERE) == Cursor(4, message(4).message_id, NOW)

    def test_an_older_fence_writes_nothing(self, stores: Stores) -> None:
        cursors = stores.cursors
        assert cursors.advance(message(3), 0, None, 7)
        assert cursors.get(LOBBY, HERE).fence == 7
        assert not cursors.advance(message(4), 0, None, 6)
        assert not cursors.fall_behind(LOBBY, HERE, {PHONE: 4}, None, 6)
        assert not cursors.keep_place(message(4), UserId("bob"), None, 6)
        assert cursors.get(LOBBY, HERE) == Cursor(3, message(3).message_id, fence=7)
        assert not cursors.advance(message(3), 0, None, 8), "another process has moved it"
        assert cursors.get(LOBBY, HERE).fence == 7
        assert cursors.fall_behind(LOBBY, HERE, {PHONE: 4}, None, 7)
        assert cursors.keep_place(message(4), UserId("bob"), None, 8)
        assert not cursors.advance(message(4), 0, None, 7)
        assert cursors.advance(message(4), 0, None, 9)
        assert cursors.get(LOBBY, HERE).fence == 9

    def test_a_stream_is_new_until_something_of_it_was_delivered(self, stores: Stores) -> None:
        cursors = stores.cursors
        cursors.note_new(LOBBY, HERE)
        cursors.note_new(LOBBY, HERE)
        assert cursors.get(LOBBY, HERE) == Cursor(is_new=True)
        assert cursors.get(LOBBY, THERE) == Cursor()
        cursors.advance(message(1), 0)
        assert cursors.get(LOBBY, HERE).seq == 1
        cursors.advance(replace(message(1), room_id=OTHER), 0)
        cursors.note_new(OTHER, HERE)
        assert not cursors.get(OTHER, HERE).is_new

    def test_streams_are_apart(self, stores: Stores) -> None:
        stores.cursors.advance(message(3), 0)
        stores.cursors.fall_behind(LOBBY, HERE, {PHONE: 3})
        assert stores.cursors.get(LOBBY, THERE) == Cursor()
        assert stores.cursors.get(OTHER, HERE) == Cursor()

    def test_many_are_read_at_once(self, stores: Stores) -> None:
        stores.cursors.advance(message(3), 0)
        streams = [(LOBBY, HERE), (LOBBY, THERE), (OTHER, HERE)]
        found = stores.cursors.of([*streams, *streams])
        assert {stream: cursor.seq for stream, cursor in found.items()} == {
            (LOBBY, HERE): 3,
            (LOBBY, THERE): 0,
            (OTHER, HERE): 0,
        }
        assert stores.cursors.of([]) == {}

    def test_of_racers_the_furthest_stays(self, stores: Stores) -> None:
        at_once(RACERS, lambda n: stores.cursors.advance(message(1 + n * 7 % RACERS), 0))
        assert stores.cursors.get(LOBBY, HERE).seq == RACERS

    def test_who_is_behind_is_kept_beside_it(self, stores: Stores) -> None:
        cursors = stores.cursors
        cursors.fall_behind(LOBBY, HERE, {PHONE: 1, LAPTOP: 1})
        assert cursors.get(LOBBY, HERE) == Cursor(behind={PHONE: 1, LAPTOP: 1})
        cursors.advance(message(1), 0)
        cursors.fall_behind(LOBBY, HERE, {PHONE: 2})
        cursors.advance(message(2), 0)
        assert cursors.get(LOBBY, HERE) == Cursor(
            2, message(2).message_id, 0, {PHONE: 2, LAPTOP: 1}
        )

    def test_who_has_caught_up_is_forgotten_unless_more_was_queued(self, stores: Stores) -> None:
        cursors = stores.cursors
        cursors.catch_up(LOBBY, HERE, PHONE, 1)
        assert cursors.get(LOBBY, HERE) == Cursor()
        cursors.fall_behind(LOBBY, HERE, {PHONE: 2, LAPTOP: 1})
        cursors.catch_up(LOBBY, HERE, PHONE, 1)
        assert cursors.get(LOBBY, HERE).behind == {PHONE: 2, LAPTOP: 1}
        cursors.catch_up(LOBBY, HERE, PHONE, 2)
        cursors.catch_up(LOBBY, HERE, PHONE, 2)
        assert cursors.get(LOBBY, HERE).behind == {LAPTOP: 1}

    def test_of_many_behind_at_once_none_is_lost(self, stores: Stores) -> None:
        def one(number: int) -> None:
            mine = {ConnectionId(f"{number}-{each}="): number for each in range(45)}
            stores.cursors.fall_behind(LOBBY, HERE, mine)
            stores.cursors.catch_up(LOBBY, HERE, ConnectionId(f"{number}-0="), number)

        at_once(RACERS, one)
        assert len(stores.cursors.get(LOBBY, HERE).behind) == RACERS * 44

    def test_more_at_once_than_an_expression_holds(self, stores: Stores) -> None:
        many = {ConnectionId(f"{each:040}"): 7 for each in range(450)}
        stores.cursors.fall_behind(LOBBY, HERE, many)
        assert stores.cursors.get(LOBBY, HERE).behind == many

    def test_a_part_has_a_cursor_and_notes_of_its_own(self, stores: Stores) -> None:
        cursors = stores.cursors
        cursors.advance(message(5), NOW)
        cursors.advance(message(3), 0, 2)
        cursors.advance(message(2), 0, 2)
        cursors.fall_behind(LOBBY, HERE, {PHONE: 3}, 2)
        cursors.fall_behind(LOBBY, HERE, {PHONE: 4})
        two = Cursor(3, message(3).message_id, 0, {PHONE: 3})
        stream = Cursor(5, message(5).message_id, NOW, {PHONE: 4})
        assert cursors.parts(LOBBY, HERE, [2, 7]) == (stream, [two, Cursor()])
        assert cursors.get(LOBBY, HERE) == stream
        cursors.catch_up(LOBBY, HERE, PHONE, 4, 2)
        cursors.catch_up(LOBBY, HERE, PHONE, 3, 2)
        assert cursors.parts(LOBBY, HERE, [2])[1] == [Cursor(3, message(3).message_id)]
        assert cursors.get(LOBBY, HERE) == stream

    def test_a_stream_is_split_and_joined_where_it_is(self, stores: Stores) -> None:
        cursors = stores.cursors
        cursors.advance(message(3), 0)
        at = cursors.get(LOBBY, HERE)
        assert cursors.split(LOBBY, HERE, at, NOW)
        split = Head(3, message(3).message_id)
        assert cursors.get(LOBBY, HERE) == Cursor(3, message(3).message_id, NOW, {}, split)
        assert not cursors.split(LOBBY, HERE, at, NOW + 1), "it is split"
        cursors.advance(message(4), NOW + 2)
        assert cursors.get(LOBBY, HERE).split == split
        assert not cursors.join(LOBBY, HERE, 3), "another worker moved it"
        assert cursors.join(LOBBY, HERE, 4)
        assert cursors.get(LOBBY, HERE) == Cursor(4, message(4).message_id)
        assert not cursors.split(LOBBY, HERE, at, NOW), "another worker moved it"

    def test_a_stream_that_was_never_delivered_can_be_split(self, stores: Stores) -> None:
        cursors = stores.cursors
        assert cursors.split(LOBBY, HERE, Cursor(), NOW)
        assert cursors.get(LOBBY, HERE).split == Head(0, MessageId(""))
        assert cursors.join(LOBBY, HERE, 0)
        assert cursors.get(LOBBY, HERE) == Cursor()

    def test_a_place_in_the_next_entry_is_kept_until_the_cursor_passes_it(
        self, stores: Stores
    ) -> None:
        cursors = stores.cursors
        cursors.keep_place(message(1), UserId("bob"), 4)
        _, (part,) = cursors.parts(LOBBY, HERE, [4])
        assert part == Cursor(place=Place(1, UserId("bob")))
        assert (part.reached(1), part.reached(2)) == ("bob", "")
        cursors.keep_place(message(1), UserId("carol"), 4)
        cursors.advance(message(1), 0, 4)
        _, (part,) = cursors.parts(LOBBY, HERE, [4])
        assert (part.seq, part.reached(1), part.reached(2)) == (1, "carol", "")
        assert cursors.get(LOBBY, HERE) == Cursor()

    def test_what_waits_for_a_missing_entry_never_falls(self, stores: Stores) -> None:
        cursors = stores.cursors
        cursors.wait(LOBBY, HERE, 5)
        cursors.wait(LOBBY, HERE, 4)
        assert cursors.get(LOBBY, HERE) == Cursor(waiting=5)
        cursors.advance(message(6), 0)
        assert cursors.get(LOBBY, HERE).waiting == 5

    def test_missing_entries_are_passed_over_and_delivered_late(self, stores: Stores) -> None:
        cursors = stores.cursors
        assert cursors.pass_over(LOBBY, HERE, Cursor(), 2), "also those before the first"
        assert not cursors.pass_over(LOBBY, HERE, Cursor(), 3), "another worker moved it"
        cursors.advance(message(3), 0)
        at = cursors.get(LOBBY, HERE)
        assert (at.seq, at.message_id, at.passed) == (3, message(3).message_id, ((1, 2),))
        assert cursors.pass_over(LOBBY, HERE, at, 8)
        passed = cursors.get(LOBBY, HERE)
        assert (passed.seq, passed.message_id) == (8, message(3).message_id)
        assert [seq for seq in range(10) if passed.has_passed(seq)] == [1, 2, 4, 5, 6, 7, 8]
        assert cursors.late(LOBBY, HERE, passed, 6)
        assert not cursors.late(LOBBY, HERE, passed, 5), "another was delivered meanwhile"
        left = cursors.get(LOBBY, HERE)
        assert left.passed == ((1, 2), (4, 5), (7, 8))
        for seq in (1, 2, 4, 5, 7, 8):
            assert cursors.late(LOBBY, HERE, cursors.get(LOBBY, HERE), seq)
        assert cursors.get(LOBBY, HERE) == replace(left, passed=())
