"""How deeply JSON is nested, counted and refused."""

from __future__ import annotations

import json

from chalicelib.kernel import nesting
from tests.support.nesting import DEEPEST, TOO_DEEP, nested

FAR_TOO_DEEP = "[" * 100_000 + "]" * 100_000


def test_the_bound_is_counted_without_recursion() -> None:
    assert nesting.within("x", 0)
    assert not nesting.within([], 0)
    assert nesting.within([[], {}], 2)
    assert nesting.within(DEEPEST, nesting.MAX_DEPTH)
    assert not nesting.within(TOO_DEEP, nesting.MAX_DEPTH)
    assert not nesting.within(nested(200_000), nesting.MAX_DEPTH)
    assert str(nesting.MAX_DEPTH) in nesting.TOO_DEEP, "the error text names the bound"


def test_a_stored_text_is_read_or_shown_as_unreadable() -> None:
    shown = {"$unreadable": nesting.UNREADABLE}
    assert nesting.read(json.dumps(DEEPEST)) == DEEPEST
    brackets = ["[" * 100]
    assert nesting.read(json.dumps(brackets)) == brackets, "in a text they are no levels"
    for text in (json.dumps(TOO_DEEP), json.dumps(nested(500)), FAR_TOO_DEEP, "{", ""):
        assert nesting.read(text) == shown
