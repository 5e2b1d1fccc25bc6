"""`sync`: what came after a position, in two regions whose log is one, or not yet."""

from __future__ import annotations

import pytest

from tests.support.regions import LOBBY, US, Regions, alternating


def test_sync_brings_what_all_regions_wrote_once(regions: Regions) -> None:
    alternating(regions, 2)
    position, seen = regions.reader.position(LOBBY), list[str]()
    alternating(regions, 9)
    more = True
    while more:
        contents, recovered, more, position = regions.sync(position, limit=2)
        assert recovered
        seen += contents
    assert sorted(seen) == [str(n) for n in range(9)]
    assert [n for n in seen if int(n) % 2] == ["1", "3", "5", "7"], "in the order of a region"
    assert regions.sync(position) == ([], True, False, position)


@pytest.mark.parametrize(
    ("late", "contents", "recovered"),
    [
        ("1", ["0", "2", "3"], False),  # nothing follows the position: the newest, and no promise
        ("2", ["1"], True),  # up to the hole
        ("3", ["1", "2"], True),
    ],
)
def test_sync_never_leaps_over_what_has_not_arrived(
    regions: Regions, late: str, contents: list[str], recovered: bool
) -> None:
    sent = {"0": regions.send(US, "0")}
    position = regions.reader.position(LOBBY)
    sent |= {str(n): regions.send(US, str(n)) for n in (1, 2, 3)}
    regions.log.late = {sent[late].message_id}
    got, said, more, reached = regions.sync(position)
    assert (got, said, more) == (contents, recovered, recovered)
    regions.log.late = set()
    rest, *_ = regions.sync(reached)
    assert not recovered or got + rest == ["1", "2", "3"]


def test_what_the_cache_has_is_no_proof_that_it_is_all(regions: Regions) -> None:
    regions.send(US, "0")
    position = regions.reader.position(LOBBY)
    sent = [regions.send(US, str(n)) for n in (1, 2, 3)]
    for held in (sent[2:], sent[::2], sent[:2]):
        regions.caches[US].flush()
        regions.caches[US].deliver(LOBBY, held)
        contents, recovered, more, _ = regions.sync(position)
        assert (contents, recovered, more) == (["1", "2", "3"], True, False)


def test_a_position_of_another_past_is_not_recovered(regions: Regions) -> None:
    """The same seq with another entry: this region was lost and came back without its last."""
    other = Regions()
    other.send(US, "lost")
    regions.clock.ms += 5
    regions.send(US, "kept")
    contents, recovered, *_ = regions.sync(other.reader.position(LOBBY))
    assert (contents, recovered) == (["kept"], False)
