"""Positions come back as they were; what no server made is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contract import positions
from chalicelib.kernel import ids
from chalicelib.kernel.errors import BadRequest
from chalicelib.kernel.settings import MOST_REGIONS
from chalicelib.model.identifiers import MessageId, Region
from chalicelib.model.log import Head
from tests.support.examples import ENTRY

REGIONS = st.sampled_from(["us-east-1", "eu-west-1", "ap-southeast-2"]).map(Region)
IDS = st.integers(0, 2**128 - 1).map(lambda number: MessageId(ids.encode(number)))
HEADS = st.builds(Head, st.integers(1, 10**15 - 1), IDS)
ID = "0" * 26


@given(st.dictionaries(REGIONS, HEADS))
def test_they_come_back(position: positions.Position) -> None:
    assert positions.decode(positions.encode(position)) == position


def test_empty_streams_are_the_very_beginning() -> None:
    assert positions.encode({Region("us-east-1"): Head(0, None)}) == ""
    assert positions.decode("") == {}


def test_regions_are_sorted_so_that_one_position_is_one_text() -> None:
    heads = {Region(name): Head(1, MessageId(ID)) for name in ("b", "a")}
    assert positions.encode(heads) == f"a:1:{ID},b:1:{ID}"


def test_of_an_entry() -> None:
    assert positions.of(ENTRY) == f"us-east-1:3:{ENTRY.message_id}"


@pytest.mark.parametrize(
    "text",
    [
        *(",", "us", f":1:{ID}", f"us::{ID}", f"us:-1:{ID}", f"us:１:{ID}", f"us:1:{ID}:", "us:1:"),
        *(f"us:1:{ID},", f"us:1:{'!' * 26}", f"us:{'1' * 16}:{ID}", f"us:1:{'Z' * 26}"),
        ",".join(f"region{number}:1:{ID}" for number in range(positions.MOST_PARTS + 1)),
        *(f"__proto__:1:{ID}", f"US:1:{ID}", f"{'u' * 33}:1:{ID}"),
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(BadRequest):
        positions.decode(text)


def test_the_most_parts_and_the_longest_text() -> None:
    parts = [f"{number:0>32}:{10**15 - 1}:{ID}" for number in range(positions.MOST_PARTS)]
    assert len(positions.decode(",".join(parts))) == positions.MOST_PARTS
    assert positions.MOST_PARTS >= MOST_REGIONS
