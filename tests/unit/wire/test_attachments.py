"""Parts of binary packets are put together as they were sent, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.model.sessions import PacketPart
from chalicelib.wire import attachments

# What a client sent: packets by their attachments, and the milliseconds after the part before.
SENT = st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=4), min_size=1, max_size=4)


def parts(sent: list[list[int]]) -> list[list[PacketPart]]:
    """Packets as sent: a head and its attachments, numbered in that order."""
    packets, number, at = [], 0, 1_000
    for gaps in sent:
        packet = []
        for place, gap in enumerate(gaps):
            number, at = number + 1, at + gap
            packet.append(PacketPart(number, at, len(gaps) - 1 if place == 0 else None))
        packets.append(packet)
    return packets


def numbers(whole: attachments.Whole | None) -> list[int]:
    return [part.number for part in whole.parts] if whole is not None else []


def test_nothing_is_whole_without_its_head_or_its_attachments() -> None:
    assert attachments.first([]) is None
    assert attachments.first([PacketPart(1, 5, 2), PacketPart(2, 6)]) is None
    assert attachments.first([PacketPart(1, 5), PacketPart(2, 6)]) is None
    assert attachments.first([PacketPart(1, 5), PacketPart(2, 6, 1)]) is None, (
        "its own is under way"
    )


def test_a_head_and_an_attachment_of_one_millisecond_are_told_apart() -> None:
    assert attachments.first([PacketPart(2, 5), PacketPart(1, 5, 1)]) == attachments.Whole(
        (PacketPart(1, 5, 1), PacketPart(2, 5)), True
    )


def test_the_last_attachment_of_one_and_the_next_head_in_one_millisecond() -> None:
    sent = [PacketPart(1, 5, 1), PacketPart(2, 6), PacketPart(3, 6, 1), PacketPart(4, 7)]
    assert attachments.first(sent) == attachments.Whole(
        (PacketPart(1, 5, 1), PacketPart(2, 6)), True
    )


def test_two_attachments_of_one_millisecond_are_not() -> None:
    found = attachments.first([PacketPart(1, 5, 2), PacketPart(2, 6), PacketPart(3, 6)])
    assert found is not None
    assert not found.certain


def test_of_two_packets_of_one_millisecond_both_are_refused() -> None:
    sent = [PacketPart(1, 5, 1), PacketPart(2, 5), PacketPart(3, 5, 1)]
    assert attachments.first(sent) is None
    found = attachments.first([*sent, PacketPart(4, 5)])
    assert found is not None
    assert sorted(numbers(found)) == [1, 2, 3, 4]
    assert not found.certain


def test_what_has_waited_for_long_does_not_count() -> None:
    late = PacketPart(1, 5, 3)
    fresh = [PacketPart(2, 5 + attachments.LATE + 1, 1), PacketPart(3, 5 + attachments.LATE + 2)]
    assert numbers(attachments.first([late, *fresh])) == [2, 3]


def test_a_packet_does_not_wait_for_an_earlier_one_that_misses_a_part() -> None:
    orphan_head, orphan = PacketPart(1, 5, 1), PacketPart(2, 3)
    own = [PacketPart(3, 7, 1), PacketPart(4, 8)]
    assert numbers(attachments.first([orphan_head, *own])) == [3, 4]
    assert numbers(attachments.first([orphan, *own])) == [3, 4]
    assert numbers(attachments.first([orphan_head, own[0]])) == []


def test_parts_that_came_by_post_come_first() -> None:
    """Their time is their number; an attachment over the websocket has a time in milliseconds."""
    sent = [PacketPart(1, 1, 2), PacketPart(2, 2), PacketPart(3, 1_800_000_000_000)]
    assert numbers(attachments.first(sent)) == [1, 2, 3]
    assert attachments.given_up(sent) == ()


def test_what_waits_for_too_long_is_given_up() -> None:
    late, new = PacketPart(1, 5, 1), PacketPart(2, 6 + attachments.LATE, 1)
    assert attachments.given_up([new, late]) == (late,)
    assert attachments.given_up([late]) == ()


@pytest.mark.parametrize(
    ("waiting", "part", "misplaced"),
    [
        ([], "bAQ==", True),
        ([], '51-["e"]', False),
        ([PacketPart(1, 1, 2)], "bAQ==", False),
        ([PacketPart(1, 1, 2), PacketPart(2, 2)], "bAQ==", False),
        ([PacketPart(1, 1, 2)], '51-["e"]', True),
    ],
)
def test_where_parts_come_in_order_each_has_its_place(
    waiting: list[PacketPart], part: str, misplaced: bool
) -> None:
    assert attachments.misplaced(part, waiting) is misplaced


@given(sent=SENT, data=st.data())
def test_no_packet_is_ever_put_together_wrongly(sent: list[list[int]], data: st.DataObject) -> None:
    """All that was sent is there, in any order of arrival."""
    packets = parts(sent)
    held = data.draw(st.permutations([part for packet in packets for part in packet]))
    served = []
    while (found := attachments.first(held)) is not None:
        held = [part for part in held if part not in found.parts]
        served += [list(found.parts)] if found.certain else []
    assert held == [], "everything is served or refused"
    assert all(packet in packets for packet in served)
    assert [packet for packet in packets if packet in served] == served, "in their order"
    for packet in packets:
        alone = {part.at for part in packet}
        others = {part.at for other in packets if other is not packet for part in other}
        if len(alone) == len(packet) and not alone & others:
            assert packet in served, "who keeps his parts apart is always served"


@given(sent=SENT, data=st.data())
def test_one_packet_at_a_time_is_never_put_together_wrongly(
    sent: list[list[int]], data: st.DataObject
) -> None:
    """Its parts come in any order, and each is judged as it comes."""
    for packet in parts(sent):
        held: list[PacketPart] = []
        found = None
        for part in data.draw(st.permutations(packet)):
            assert found is None
            found = attachments.first([*held, part])
            held.append(part)
        assert found is not None
        assert not found.certain or list(found.parts) == packet
