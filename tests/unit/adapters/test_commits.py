"""A commit of one entry is a batch of one, whose refusal is the entry's own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chalicelib.adapters.commits import CommitOne
from chalicelib.kernel.errors import NotFound
from chalicelib.model.log import BatchResult, Committed, Duplicate, Entry, Head, Refused, Taken
from tests.support.stores import EMPTY, HERE, NOW, message, mid

FIRST = Duplicate(mid(1), HERE, 1, NOW)


class Answering(CommitOne):
    def __init__(self, answer: BatchResult) -> None:
        self.answer = answer
        self.asked: list[tuple[Entry, str | None]] = []

    def commit_all(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> BatchResult:
        self.asked += entries
        return self.answer


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (Committed(), Committed()),
        (Taken(EMPTY), Taken(EMPTY)),
        (Refused({0: FIRST}), FIRST),
        (Refused({0: FIRST}, EMPTY), FIRST),
    ],
)
def test_the_answer(answer: BatchResult, result: object) -> None:
    log = Answering(answer)
    assert log.commit(message(1), EMPTY, "key", NOW) == result
    assert log.asked == [(message(1), "key")]


def test_a_deletion_of_nothing_raises() -> None:
    with pytest.raises(NotFound):
        Answering(Refused({0: None})).commit(message(1), EMPTY, None, NOW)
