"""Offsets come back as they were; what no server made is refused; who asks for recovery."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.errors import BadRequest
from chalicelib.messaging.checkpoints import MOST_SINCE
from chalicelib.model.identifiers import Region, RoomId
from chalicelib.model.sessions import Trail
from chalicelib.wire import offsets
from tests.support.examples import TARGET

NAMES = st.text("abc-1", min_size=1, max_size=8)
STREAMS = st.tuples(NAMES.map(RoomId), NAMES.map(Region))


SINCE = st.dictionaries(STREAMS, st.integers(0, 10**15 - 1), max_size=offsets.MOST_STREAMS - 1)


@given(st.text("abc1", min_size=1, max_size=8), SINCE)
def test_they_come_back(checkpoint: str, since: dict[tuple[RoomId, Region], int]) -> None:
    trail = Trail(TARGET, "pid", checkpoint, tuple((*stream, seq) for stream, seq in since.items()))
    stream = RoomId("r"), Region("g")
    assert offsets.decode(offsets.encode(trail, stream, 7)) == (checkpoint, {**since, stream: 7})


def test_it_names_a_stream_once() -> None:
    trail = Trail(TARGET, "pid", "c", ((RoomId("r"), Region("g"), 3),))
    assert offsets.encode(trail, (RoomId("r"), Region("g")), 4) == "c;r:g:4"


@pytest.mark.parametrize(
    "offset",
    [
        *("x;", "x;room", "x;room:us", "x;:us:1", "x;room::1", "x;room:us:-1", "x;room:us:１"),
        *("", ";room:us:1", "é", "x" * 65, "\ud800", "x;room:US:1"),
        *("x;r m:us:1", f"x;{'r' * 65}:us:1", f"x;room:{'u' * 33}:1", f"x;room:us:{'1' * 16}"),
        ";".join(["x", *(f"room{number}:us:1" for number in range(offsets.MOST_STREAMS + 1))]),
    ],
)
def test_what_is_none(offset: str) -> None:
    with pytest.raises(BadRequest):
        offsets.decode(offset)


@pytest.mark.parametrize(
    "payload",
    [
        *(None, [], {}, {"pid": "p"}, {"offset": "o"}, {"pid": 1, "offset": "o"}),
        {"pid": "p", "offset": "o" * (offsets.MOST_OFFSET + 1)},
        {"pid": "p", "offset": "é" * offsets.MOST_OFFSET},
        *({"pid": pid, "offset": "o"} for pid in ("", "\ud800", "é", "p" * 65)),
    ],
)
def test_what_claims_nothing(payload: Any) -> None:
    assert offsets.claim_of(payload) is None


def test_a_claim() -> None:
    longest = ";".join(
        ["o" * 26, *(f"{number:0>64}:{'r' * 14}:{10**15 - 1}" for number in range(16))]
    )
    claim = offsets.claim_of({"pid": "p", "offset": longest, "token": "t"})
    assert claim == offsets.RecoveryClaim("p", longest)


def test_an_offset_names_as_many_streams_as_a_socket_may_have_got_since() -> None:
    assert offsets.MOST_STREAMS == 2 * MOST_SINCE


@pytest.mark.parametrize("understands", [True, False])
def test_who_asks_for_recovery(understands: bool) -> None:
    for payload in (None, [], {}, {"recovery": "yes"}):
        assert offsets.wanted(payload, understands) is understands
    assert offsets.wanted({"recovery": True}, understands)
    assert not offsets.wanted({"recovery": False, "pid": "p"}, understands)
    assert offsets.wanted({"pid": "p"}, understands)
