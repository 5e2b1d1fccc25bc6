"""The contract of `ports.MessageLog`: reads."""

from __future__ import annotations

import pytest

from chalicelib.model.identifiers import MessageId, RoomId
from chalicelib.model.log import Committed, Head
from chalicelib.ports.log import MessageLog
from tests.support.stores import EMPTY, HERE, LOBBY, NOW, THERE, message, mid, write


class TestReading:
    def test_heads_of_more_streams_than_a_batch(self, log: MessageLog) -> None:
        names = [RoomId(f"r{n}") for n in range(230)]
        written = names[::40]
        write(log, *(message(1, room_id=name) for name in written))
        streams = [(name, HERE) for name in names]
        assert log.heads(streams) == {
            (name, HERE): Head(1, mid(10)) if name in written else EMPTY for name in names
        }

    def test_heads_of_none_and_of_one_twice(self, log: MessageLog) -> None:
        assert log.heads([]) == {}
        assert log.heads([(LOBBY, HERE)] * 2) == {(LOBBY, HERE): EMPTY}

    def test_get_of_the_unknown(self, log: MessageLog) -> None:
        write(log, message(1))
        assert log.get(LOBBY, HERE, mid(11)) is None
        assert log.get(LOBBY, THERE, mid(10)) is None

    @pytest.mark.parametrize(
        ("after", "limit", "seqs"),
        [
            ("", 9, [1, 2, 3, 4, 5]),
            ("", 2, [1, 2]),
            (mid(20), 2, [3, 4]),
            (mid(25), 9, [3, 4, 5]),
            (mid(50), 9, []),
            ("~~~", 9, []),
            ("\U0010ffff", 9, []),
        ],
    )
    def test_after(self, log: MessageLog, after: str, limit: int, seqs: list[int]) -> None:
        write(log, *(message(seq) for seq in range(1, 6)))
        found = log.after(LOBBY, HERE, MessageId(after), limit)
        assert [entry.seq for entry in found] == seqs

    @pytest.mark.parametrize(
        ("before", "limit", "seqs"),
        [
            (None, 9, [5, 4, 3, 2, 1]),
            (None, 2, [5, 4]),
            (mid(40), 2, [3, 2]),
            (mid(35), 9, [3, 2, 1]),
            (mid(10), 9, []),
            ("", 9, []),
            ("~~~", 2, [5, 4]),
        ],
    )
    def test_before(self, log: MessageLog, before: str | None, limit: int, seqs: list[int]) -> None:
        write(log, *(message(seq) for seq in range(1, 6)))
        found = log.before(LOBBY, HERE, MessageId(before) if before is not None else None, limit)
        assert [entry.seq for entry in found] == seqs

    def test_goes_on_beyond_a_megabyte(self, log: MessageLog) -> None:
        entries = [message(seq, content="x" * 200_000) for seq in range(1, 9)]
        write(log, *entries)
        assert log.after(LOBBY, HERE, MessageId(""), 8) == entries
        assert log.before(LOBBY, HERE, None, 7) == entries[:0:-1]

    def test_the_head_and_the_keys_are_no_entries(self, log: MessageLog) -> None:
        assert log.commit(message(1), EMPTY, "key", NOW) == Committed()
        assert log.before(LOBBY, HERE, None, 9) == [message(1)]
        assert log.after(LOBBY, HERE, MessageId(""), 9) == [message(1)]
