"""What a writer sees of other regions before it appends."""

from __future__ import annotations

from chalicelib.messaging.elsewhere import OtherRegions
from chalicelib.model.identifiers import MessageId
from tests.support.counting import Counting
from tests.support.regions import EU, LOBBY, US, Regions


def test_the_newest_id_of_the_other_regions(regions: Regions) -> None:
    others = OtherRegions(regions.log, regions.clock, (EU,))
    assert others.newest(LOBBY) is None
    there = regions.send(EU, "there")
    regions.send(US, "here")
    assert others.newest(LOBBY) == there.message_id


def test_alone_there_is_nothing_to_read(regions: Regions) -> None:
    log = Counting(regions.log)
    assert OtherRegions(log, regions.clock).newest(LOBBY) is None  # type: ignore[arg-type]
    assert log.calls == []
    assert regions.reader.newest([LOBBY]) == dict[str, MessageId]()
