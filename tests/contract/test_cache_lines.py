"""The contract of `ports.Lines`: who writes to a stream, and who waits."""

from __future__ import annotations

import itertools
from dataclasses import replace

from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId
from chalicelib.model.lines import Draft, Fate, InLine, Lead, Settled, Turn, TurnId
from chalicelib.model.log import Duplicate, Head
from chalicelib.ports.lines import BATCH
from tests.support.cache import EAST, OTHER, ROOM, WEST, Rig, entry
from tests.support.threads import together

STREAM = (ROOM, EAST)
HEAD = Head(7, MessageId("7" * 26))
DONE = Settled(Fate.COMMITTED, Duplicate(MessageId("8" * 26), EAST, 8, 1_800_000_000_008))
_numbers = itertools.count(1)


def drawn(rig: Rig, room: RoomId = ROOM, region: Region = EAST) -> Turn:
    turn = rig.cache.frame(ConnectionId("x="), room, region).turn
    assert turn is not None
    return turn


def draft(name: str, room: RoomId = ROOM) -> Draft:
    content = {"text": 'ü|"\n', "n": next(_numbers)}
    waiting = replace(entry(0, room), message_id="", timestamp_ms=0, content=content)
    return Draft(TurnId(name), waiting, f"#draft#{name}")


class TestDrawing:
    def test_the_first_leads_and_others_do_not_until_its_lease_ends(self, rig: Rig) -> None:
        assert [drawn(rig).leads for _ in range(3)] == [True, False, False]
        assert drawn(rig, region=WEST).leads
        assert drawn(rig, room=OTHER).leads
        rig.wait(1)
        assert drawn(rig).leads

    def test_of_many_at_once_one_leads(self, rig: Rig) -> None:
        turns = together([lambda: drawn(rig)] * 16)
        assert sum(turn.leads for turn in turns) == 1
        assert len({turn.id for turn in turns}) == 16

    def test_the_head_is_there_for_an_hour(self, rig: Rig) -> None:
        turn = drawn(rig)
        assert turn.head is None
        rig.cache.settle(STREAM, turn.id, HEAD, {})
        assert drawn(rig).head == HEAD
        rig.wait(3599)
        assert drawn(rig).head == HEAD
        rig.wait(3600)
        assert drawn(rig).head is None


class TestStandingInLine:
    def test_who_comes_when_nobody_writes_leads(self, rig: Rig) -> None:
        one = draft("one")
        assert rig.cache.enter_line(one) == Lead(None, (one,))
        assert rig.cache.enter_line(one) == Lead(None, (one,)), "idempotent"

    def test_others_wait_and_the_lease_comes_to_them_in_order(self, rig: Rig) -> None:
        turn, drafts = drawn(rig), [draft("one"), draft("two"), draft("three")]
        for each in drafts:
            place = rig.cache.enter_line(each)
            assert isinstance(place, InLine)
            assert 0 < place.lease_ms <= 300
        rig.cache.settle(STREAM, turn.id, HEAD, {})
        assert not drawn(rig).leads, "it was passed on"
        assert isinstance(rig.cache.enter_line(drafts[1]), InLine)
        assert rig.cache.wait_in_line(drafts[0], 0.5) is None, "it wakes up"
        assert rig.cache.enter_line(drafts[0]) == Lead(HEAD, tuple(drafts))

    def test_what_is_settled_leaves_the_line_and_its_writer_hears_of_it(self, rig: Rig) -> None:
        one, two, three = drafts = [draft("one"), draft("two"), draft("three")]
        for each in drafts:
            rig.cache.enter_line(each)
        dropped = Settled(Fate.NO_TARGET)
        rig.cache.settle(
            STREAM, one.turn_id, HEAD, {one.turn_id: DONE, two.turn_id: DONE, "three": dropped}
        )
        assert rig.cache.wait_in_line(two, 0.5) == DONE
        assert rig.cache.enter_line(three) == dropped, "without waiting"
        assert drawn(rig).leads, "nobody waits, so it is free"

    def test_one_that_leads_is_told_of_a_batch(self, rig: Rig) -> None:
        drafts = [draft(f"d{number}") for number in range(BATCH + 5)]
        for each in drafts:
            rig.cache.enter_line(each)
        first = rig.cache.enter_line(drafts[0])
        assert first == Lead(None, tuple(drafts[:BATCH]))
        ends = {each.turn_id: DONE for each in drafts[:BATCH]}
        rig.cache.settle(STREAM, drafts[0].turn_id, HEAD, ends)
        assert rig.cache.wait_in_line(drafts[BATCH], 0.5) is None
        assert rig.cache.enter_line(drafts[BATCH]) == Lead(HEAD, tuple(drafts[BATCH:]))

    def test_when_a_leader_dies_another_one_gets_its_drafts(self, rig: Rig) -> None:
        one, two = draft("one"), draft("two")
        rig.cache.enter_line(one)
        rig.cache.enter_line(two)
        rig.wait(1)
        assert rig.cache.enter_line(two) == Lead(None, (one, two))
        rig.cache.settle(STREAM, one.turn_id, Head(3, MessageId("3" * 26)), {one.turn_id: DONE})
        assert not drawn(rig).leads, "the dead one wakes up: it frees nothing"
        assert rig.cache.enter_line(two) == Lead(Head(3, MessageId("3" * 26)), (two,))

    def test_who_lost_the_lease_moves_the_head_only_forward(self, rig: Rig) -> None:
        rig.cache.settle(STREAM, TurnId("late"), HEAD, {})
        rig.cache.settle(STREAM, TurnId("later"), Head(6, MessageId("6" * 26)), {})
        turn = drawn(rig)
        assert turn.head == HEAD
        rig.cache.settle(STREAM, turn.id, Head(6, MessageId("6" * 26)), {})
        assert drawn(rig).head == Head(6, MessageId("6" * 26)), "who has it knows"

    def test_old_drafts_are_dropped(self, rig: Rig) -> None:
        rig.cache.enter_line(draft("old"))
        rig.wait(9)
        young = draft("young")
        rig.cache.enter_line(young)
        rig.wait(61)
        assert rig.cache.enter_line(draft("new")).drafts[0].turn_id == "new"

    def test_many_at_once_all_get_in(self, rig: Rig) -> None:
        drafts = [draft(f"d{number}") for number in range(16)]
        places = together([lambda d=each: rig.cache.enter_line(d) for each in drafts])
        [leader] = [d for d, place in zip(drafts, places, strict=True) if isinstance(place, Lead)]
        assert {each.turn_id for each in rig.cache.enter_line(leader).drafts} == {
            each.turn_id for each in drafts
        }


class TestGivingUp:
    def test_it_frees_the_lease_or_passes_it_on(self, rig: Rig) -> None:
        turn = drawn(rig)
        rig.cache.give_up_turn(STREAM, turn, False)
        turn, one = drawn(rig), draft("one")
        assert turn.leads
        rig.cache.enter_line(one)
        rig.cache.give_up_turn(STREAM, turn, False)
        assert rig.cache.wait_in_line(one, 0.5) is None
        assert rig.cache.enter_line(one) == Lead(None, (one,))

    def test_it_leaves_the_line_and_takes_nothing_from_others(self, rig: Rig) -> None:
        leading, one, two = drawn(rig), draft("one"), draft("two")
        rig.cache.enter_line(one)
        rig.cache.enter_line(two)
        rig.cache.give_up_turn(STREAM, Turn(one.turn_id), False)
        assert not drawn(rig).leads
        rig.cache.settle(STREAM, leading.id, None, {})
        assert rig.cache.enter_line(two) == Lead(None, (two,))
