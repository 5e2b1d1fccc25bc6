"""A slice of a list."""

from __future__ import annotations

from chalicelib.model.slices import Slice


def test_two_slices_end_at_the_same_key() -> None:
    one, other = Slice({"a": 1, "b": 2, "d": 3}, "d"), Slice({"a": 4, "c": 5}, None)
    assert one.up_to("b") == {"a": 1, "b": 2}
    assert other.up_to(one.end) == other.up_to(None) == {"a": 4, "c": 5}
    assert other.up_to("a") == {"a": 4}
