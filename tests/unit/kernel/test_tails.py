"""Unread messages counted from a stream's tail agree with the entries themselves."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb import tail_slots
from chalicelib.kernel import tails
from chalicelib.model.identifiers import MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind

ANNA, BEN, CARL = UserId("anna"), UserId("ben"), UserId("carl")
HERE = Region("here")
# An entry's sender, or how many entries before it the message is that it deletes.
STEPS = st.lists(st.one_of(st.sampled_from([ANNA, BEN, CARL]), st.integers(1, 120)), max_size=240)


def entry(seq: int, sender: UserId) -> Entry:
    return Entry(RoomId("r"), HERE, seq, MessageId(str(seq)), EntryKind.MESSAGE, sender, 0)


def append(log: list[Entry], step: UserId | int) -> None:
    new = entry(len(log) + 1, ANNA if isinstance(step, int) else step)
    if isinstance(step, int) and step <= len(log) and log[-step].kind is EntryKind.MESSAGE:
        log[-step] = replace(log[-step], deleted=True)
        content = {"region": HERE, "seq": log[-step].seq}
        new = replace(new, kind=EntryKind.DELETION, content=content)
    log.append(new)


@given(STEPS, st.integers(0, 240), st.sampled_from([ANNA, BEN]))
def test_it_is_the_number_of_others_messages_after_the_marker(
    steps: list[UserId | int], after: int, reader: UserId
) -> None:
    log: list[Entry] = []
    item: dict[str, dict[str, str]] = {}
    for step in steps:
        append(log, step)
        slots = tail_slots.written([log[-1]])
        item |= {slots.names[f"#{each[1:]}"]: value for each, value in slots.values.items()}
    after = min(after, len(log))
    tail = tail_slots.read(item, len(log))
    counted = tails.unread(tail, len(log), after, reader)
    in_tail = log[max(after, len(log) - tails.LENGTH) :]
    others = sum(
        e.kind is EntryKind.MESSAGE and not e.deleted and e.sender_id != reader for e in in_tail
    )
    assert counted == others + len(log) - after - len(in_tail)


def test_what_an_earlier_version_wrote_is_unknown() -> None:
    item: dict[str, dict[str, str]] = {}
    for seq in (1, 2, 3, 103):
        slots = tail_slots.written([entry(seq, ANNA)])
        item |= {slots.names[f"#{each[1:]}"]: value for each, value in slots.values.items()}
    tail = tail_slots.read(item, 103)
    assert set(tail) == {103}, "slots 1 and 2 are those of entries 1 and 2, not of 101 and 102"
    assert tails.unread(tail, 103, 102, BEN) == 1
    assert tails.unread(tail, 103, 100, BEN) is None


def test_a_full_tail_fits_into_one_write_unit() -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    item: dict[str, dict[str, str]] = {}
    for seq in range(9_900, 10_000):
        slots = tail_slots.written([entry(seq, UserId(f"user{seq}"))])
        item |= {slots.names[f"#{each[1:]}"]: value for each, value in slots.values.items()}
    slots_bytes = sum(len(name) + len(value["N"]) // 2 + 2 for name, value in item.items())
    others = "stream" + "r" * 64 + "#ap-southeast-1" + "entry" + "head" + "last_id" + "0" * 26
    assert slots_bytes + len(others.encode()) + len("seq") + 9 <= 1024
