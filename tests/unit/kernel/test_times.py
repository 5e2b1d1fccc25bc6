"""Times on the wire, to the millisecond."""

from __future__ import annotations

import pytest

from chalicelib.kernel.times import iso


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_800_000_000_001, "2027-01-15T08:00:00.001Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_milliseconds_are_kept(ms: int, text: str) -> None:
    assert iso(ms) == text
