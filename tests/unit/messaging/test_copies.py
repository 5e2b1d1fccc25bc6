"""Second copies of a message, in two regions whose log is one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.adapters.memory import MemoryCursors
from chalicelib.kernel import ids
from chalicelib.kernel.errors import Unavailable
from chalicelib.messaging.copies import Copies
from chalicelib.model.identifiers import MessageId, Region
from chalicelib.model.log import Copy, Entry
from tests.support.counting import Counting
from tests.support.regions import EU, LOBBY, US, Regions

AP = Region("ap-southeast-1")


@pytest.fixture
def copies(regions: Regions) -> Copies:
    return Copies(regions.log, (EU, US))


def copy_of(regions: Regions, first: Entry) -> Entry:
    """What the other region stored, in place of an own message."""
    return replace(
        regions.send(EU, "once", client_id="own"), client_message_id=first.client_message_id
    )


def test_two_on_a_page_are_one_without_a_note(regions: Regions, copies: Copies) -> None:
    first = regions.send(US, "once", client_id="c1")
    other = regions.send(US, "other", client_id="c2")
    second = copy_of(regions, first)
    assert copies.first_copies([first, other, second]) == [first, other]
    deleted = replace(second, deleted=True, content=None)
    [shown, _] = copies.first_copies([first, other, deleted])
    assert (shown.message_id, shown.deleted, shown.content) == (first.message_id, True, None)


def test_one_of_them_needs_a_note(regions: Regions, copies: Copies) -> None:
    arrived = regions.send(US, "once", client_id="c1")
    assert copies.notice(arrived, regions.clock.ms) is None, "nobody sent it again"
    own = regions.send(EU, "own", client_id="c2")
    assert copies.notice(own, regions.clock.ms) is None, "it is this region's own"
    there = replace(arrived, client_message_id="c2")
    noted = copies.notice(there, regions.clock.ms)
    assert noted is not None
    assert (noted.message_id, noted.of_id) == (own.message_id, arrived.message_id)
    assert copies.first_copies([own]) == []
    assert copies.first_of(own).message_id == arrived.message_id
    assert [each.message_id for each in copies.all_of(arrived)] == [
        arrived.message_id,
        own.message_id,
    ]
    regions.log.late = {arrived.message_id}
    assert copies.first_copies([own]) == [own], "the first one is not here"
    assert copies.first_of(own) == own


def test_an_id_that_is_used_again_after_a_day_is_another_message(
    regions: Regions, copies: Copies
) -> None:
    first = regions.send(US, "once", client_id="c1")
    regions.clock.ms += 24 * 3_600_000 + 1
    again = copy_of(regions, first)
    assert copies.first_copies([first, again]) == [first, again]


def test_elsewhere_one_of_them_is_pushed_also_if_the_worker_of_the_first_died(
    regions: Regions,
) -> None:
    copies, cursors = Copies(regions.log, (AP, EU, US)), MemoryCursors()
    first = regions.send(US, "once", client_id="c1")
    second, now_ms = copy_of(regions, first), regions.clock.ms
    regions.log.note_dedupe(second, ids.message_dedupe(second.sender_id, "c1", EU), now_ms)
    for attempt, later_ms in ((1, 0), (8, 180_000), (30, 170_000)):
        with pytest.raises(Unavailable):
            copies.handed_out([second], now_ms + later_ms, cursors, attempt)
    assert copies.handed_out([second], now_ms + 180_000, cursors, 9) == set(), "it is pushed"
    assert cursors.advance(second, 0)
    assert copies.handed_out([first], now_ms, cursors, 1) == {first.message_id}


def test_the_own_copy_is_pushed_before_another_region_s_is_passed_over(
    regions: Regions, copies: Copies
) -> None:
    """A device that goes to that region in between would be taken to have it."""
    cursors = MemoryCursors()
    first = regions.send(US, "once", client_id="c1")
    own, now_ms = copy_of(regions, first), regions.clock.ms
    regions.log.note_dedupe(own, ids.message_dedupe(own.sender_id, "c1", EU), now_ms)
    with pytest.raises(Unavailable):
        copies.handed_out([first], now_ms, cursors, 1)
    assert copies.handed_out([first], now_ms + 180_000, cursors, 9) == {first.message_id}
    assert cursors.advance(own, 0)
    assert copies.handed_out([first], now_ms, cursors, 1) == {first.message_id}


def test_in_one_region_nothing_is_read(regions: Regions) -> None:
    log = Counting(regions.log)
    alone = Copies(log, (US,))  # type: ignore[arg-type]
    entry = regions.send(US, "once", client_id="c1")
    assert alone.first_copies([entry]) == alone.all_of(entry) == [alone.first_of(entry)]
    assert alone.notice(replace(entry, region=EU), regions.clock.ms) is None
    assert log.calls == []
    assert regions.reader.first_copy(LOBBY, MessageId("0" * 26)) is None


def test_an_entry_is_found_by_a_resend_though_its_dedupe_item_is_not_here(
    regions: Regions, copies: Copies
) -> None:
    arrived = replace(regions.send(US, "once"), client_message_id="c1")
    assert copies.notice(arrived, regions.clock.ms) is None
    assert regions.send(EU, "once", client_id="c1").message_id == arrived.message_id
    late = replace(regions.send(US, "late"), client_message_id="c2")
    regions.clock.ms += 24 * 3_600_000
    assert copies.notice(late, regions.clock.ms) is None
    assert regions.send(EU, "late", client_id="c2").message_id != late.message_id


def test_of_two_a_device_is_not_sent_the_one_after_the_other(
    regions: Regions, copies: Copies
) -> None:
    first = regions.send(US, "once", client_id="c1")
    other = regions.send(US, "other", client_id="c2")
    second = copy_of(regions, first)
    both = [first, other, second]
    assert copies.not_had(both, {(LOBBY, US): 9, (LOBBY, EU): 9}) == both, "it is not known yet"
    pair = Copy(LOBBY, second.message_id, EU, second.seq, first.message_id, US)
    regions.log.note_copy(pair, first.sender_id, own=True)
    assert copies.not_had(both, {}) == [first, other]
    assert copies.not_had(both, {(LOBBY, US): first.seq}) == [first, other]
    assert copies.not_had(both, {(LOBBY, EU): second.seq}) == [other, second]
    assert copies.not_had([other], {(LOBBY, EU): second.seq}) == [other]
