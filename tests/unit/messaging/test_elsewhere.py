"""What a writer sees of other regions before it appends."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.messaging.elsewhere import OtherRegions, Seen
from chalicelib.model.identifiers import MessageId
from chalicelib.model.log import Entry, EntryKind
from tests.support.counting import Counting
from tests.support.regions import ALICE, BOB, EU, LOBBY, US, Regions

DRAFT = Entry(LOBBY, US, 0, MessageId(""), EntryKind.MESSAGE, ALICE, 0)


def test_the_newest_id_of_the_other_regions(regions: Regions) -> None:
    others = OtherRegions(regions.log, regions.clock, (EU,))
    assert others.look([DRAFT]) == Seen()
    there = regions.send(EU, "there")
    regions.send(US, "here")
    assert others.look([DRAFT]) == Seen(there.message_id)


def test_alone_there_is_nothing_to_read(regions: Regions) -> None:
    log = Counting(regions.log)
    assert OtherRegions(log, regions.clock).look([DRAFT]) == Seen()  # type: ignore[arg-type]
    assert log.calls == []


def test_a_resend_is_recognised_by_the_keys_of_all_regions(regions: Regions) -> None:
    there = regions.send(EU, "there", client_id="c1")
    others = OtherRegions(regions.log, regions.clock, (EU,))
    resend = replace(DRAFT, client_message_id="c1")
    [(place, first)] = others.look([DRAFT, resend]).first.items()
    assert (place, first.message_id) == (1, there.message_id)
    assert others.look([replace(resend, sender_id=BOB)]).first == {}


def test_a_resend_waits_for_its_first_copy_for_a_while_only(regions: Regions) -> None:
    there = regions.send(EU, "there", client_id="c1")
    regions.log.late = {there.message_id}
    others = OtherRegions(regions.log, regions.clock, (EU,))
    resend = replace(DRAFT, client_message_id="c1")
    assert list(others.look([resend]).first) == [0]
    regions.clock.ms += 5_000
    assert others.look([resend]).first == {}
    regions.log.late = set()
    assert list(others.look([resend]).first) == [0]
