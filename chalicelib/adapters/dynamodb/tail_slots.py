"""A stream's tail as attributes of its head item: one slot for each of the newest entries.

Entry n is in the slot named `n mod 100`. The slot's number is the author and, above it, two digits
of `n div 100`, so that a slot which an earlier version left behind is recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...kernel import tails
from ...model.log import Entry
from .table import Item, integer, n

_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Slots:
    """The parts of an update expression that set slots."""

    assignments: str
    names: dict[str, str]
    values: Item


def written(entries: Sequence[Entry]) -> Slots:
    """Return what appending the entries sets, in their order; a later entry takes a slot over."""
    authors = {
        seq % tails.LENGTH: _value(seq, author)
        for entry in entries
        for seq, author in tails.written(entry).items()
    }
    return Slots(
        assignments="".join(f", #t{slot} = :t{slot}" for slot in authors),
        names={f"#t{slot}": str(slot) for slot in authors},
        values={f":t{slot}": n(value) for slot, value in authors.items()},
    )


def cleared(seq: int, author: int) -> tuple[Slots, Item]:
    """Return what takes the author from an entry's slot, and the value that it must have."""
    name = f"t{seq % tails.LENGTH}"
    slots = Slots(
        f"#{name} = :{name}",
        {f"#{name}": str(seq % tails.LENGTH)},
        {f":{name}": n(_value(seq, tails.NOBODY))},
    )
    return slots, n(_value(seq, author))


def read(item: Item, head_seq: int) -> dict[int, int]:
    """Return the authors of the newest entries, by seq, from a head item."""
    found = {}
    for seq in range(max(1, head_seq - tails.LENGTH + 1), head_seq + 1):
        name = str(seq % tails.LENGTH)
        turn, author = divmod(integer(item, name), tails.AUTHORS)
        if name in item and turn == _turn(seq):
            found[seq] = author
    return found


def _value(seq: int, author: int) -> int:
    return _turn(seq) * tails.AUTHORS + author


def _turn(seq: int) -> int:
    return seq // tails.LENGTH % _ROUNDS
