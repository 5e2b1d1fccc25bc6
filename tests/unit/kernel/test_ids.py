"""Ids with a meaning: sorted by time, parsed strictly, the same whoever asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel import ids
from chalicelib.kernel.errors import BadRequest
from chalicelib.model.identifiers import ConnectionId, MessageId, RoomId
from chalicelib.model.rooms import RoomType
from tests.support.examples import ALICE, BOB

NUMBERS = st.integers(0, 2**128 - 1)
TIMES = st.integers(0, 2**47)
ENTROPY = st.integers(0, 2**64 - 1)


@given(NUMBERS, NUMBERS)
def test_order_of_texts_is_order_of_numbers(one: int, other: int) -> None:
    assert ids.decode(ids.encode(one)) == one
    assert (ids.encode(one) < ids.encode(other)) == (one < other)


@pytest.mark.parametrize("text", ["", "0" * 25, "0" * 27, "O" * 26, "0" * 25 + "a", "Z" * 26])
def test_what_is_none(text: str) -> None:
    with pytest.raises(BadRequest):
        ids.decode(text)


@given(TIMES, TIMES, ENTROPY, ENTROPY)
def test_the_next_id_is_above_the_last_whatever_the_clock_says(
    first_ms: int, then_ms: int, entropy: int, other: int
) -> None:
    last = ids.next_id(first_ms, None, entropy)
    following = ids.next_id(then_ms, last, other)
    assert following > last
    assert ids.time_ms(following) >= then_ms
    assert ids.time_ms(last) == first_ms


@given(TIMES, TIMES, TIMES, ENTROPY)
def test_the_next_id_is_above_what_was_seen_unless_that_is_far_ahead(
    last_ms: int, seen_ms: int, now_ms: int, entropy: int
) -> None:
    last, seen = ids.next_id(last_ms, None, entropy), ids.next_id(seen_ms, None, entropy)
    following = ids.next_id(now_ms, last, entropy, seen)
    assert following > last
    if seen_ms <= now_ms + ids.MOST_AHEAD_MS:
        assert following > seen
    else:
        assert following == ids.next_id(now_ms, last, entropy)


@given(TIMES, ENTROPY)
def test_the_first_id_of_a_time_is_below_all_of_it(at_ms: int, entropy: int) -> None:
    assert ids.first_at(at_ms) <= ids.next_id(at_ms, None, entropy) < ids.first_at(at_ms + 1)


def test_nothing_lies_between_an_id_and_the_following() -> None:
    assert ids.following(MessageId(ids.encode(41))) == ids.encode(42)
    last = MessageId(ids.encode(2**128 - 1))
    assert ids.following(last) == last


def test_rooms_named_after_people() -> None:
    assert ids.private_room_id(ALICE, BOB) == ids.private_room_id(BOB, ALICE)
    types = {
        ids.private_room_id(ALICE, BOB): RoomType.PRIVATE_CHAT,
        ids.moments_room_id(ALICE): RoomType.MOMENTS,
        ids.notifications_room_id(ALICE): RoomType.NOTIFICATIONS,
        RoomId("lobby"): RoomType.GROUP_CHAT,
    }
    assert {room: ids.room_type(room) for room in types} == types


def test_a_namespace_s_connection_has_its_websocket_s_id() -> None:
    websocket = ConnectionId("c=")
    assert ids.socket_id(websocket, "/") == websocket
    assert ids.socket_id(websocket, "/moments") == "c=|/moments"
    assert ids.transport_id(ids.socket_id(websocket, "/moments")) == websocket


def test_an_ack_s_number_is_the_message_s_and_fits_a_client_s_number() -> None:
    number = ids.ack_id(RoomId("lobby"), MessageId("1"))
    assert number == ids.ack_id(RoomId("lobby"), MessageId("1"))
    assert number != ids.ack_id(RoomId("lobby"), MessageId("2"))
    assert 0 <= number < 2**48
