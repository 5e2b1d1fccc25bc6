"""Where a response ends, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.http.response import parse_answer
from tests.support.fake_gateway import CHUNKED

ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length:3\r\n\r\nabc", (200, True)),
    (b"HTTP/1.1 204 No Content\r\n\r\n", (204, True)),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", (200, False)),
    (b"HTTP/1.1 429 \r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", (429, False)),
    (b"".join(CHUNKED), (410, True)),
    (b"HTTP/1.1 500 X\r\n\r\n", (500, False)),
]


@pytest.mark.parametrize(("data", "answer"), ANSWERS)
def test_an_answer_is_complete_at_its_last_byte_and_not_before(
    data: bytes, answer: tuple[int, bool]
) -> None:
    assert [parse_answer(data[:end]) for end in range(len(data))] == [None] * len(data)
    assert parse_answer(data) == answer
    assert parse_answer(data + b"H") == (answer[0], False)


@pytest.mark.parametrize(
    "data",
    [
        b"ICY 200 OK",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_answer(data)


@given(st.binary(max_size=200))
def test_garbage_never_breaks_the_parser_otherwise(tail: bytes) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n", ANSWERS[4][0][:52]):
        try:
            answer = parse_answer(start + tail)
        except ValueError:
            continue
        assert answer is None or 200 <= answer[0] <= 999
