"""What regions decide on a pair (a room and a user, a user and a friend), and how it is merged.

Each region writes an item of its own for the pair, with its latest decision, and nobody else
writes that item. So the items can be replicated one by one, late and in any order. The *shared
item* is written by any region while no decision is known, and by a deployment of one region
always; as it says the same whoever writes it, the last writer may win.

The rule: **a removal wins over every addition that did not know it.** Each region counts its
removals. A decision carries the counts that its region knew, and an addition counts as long as
there are no removals beyond them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .identifiers import Region

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """The latest decision of one region on a pair.

    Attributes:
        region: The region that decided; None for the shared item.
        value: What was added or, of a removal, what it ended.
        removed: Whether it is a removal.
        version: One more than that of the newest decision known to it; 0 for the shared item.
        known: The number of removals known to it, by region, this one included.
    """

    region: Region | None
    value: T
    removed: bool = False
    version: int = 0
    known: Mapping[Region, int] = field(default_factory=dict)


def merged(held: Sequence[Decision[T]], order: Callable[[T], int]) -> T | None:
    """Return what was added and not removed, None for nothing.

    Of several additions that count, the one of the highest version holds.

    Args:
        order: Decides between additions of the same version: the higher one holds.
    """
    removals = _removals(held)
    counting = [
        each
        for each in held
        if not each.removed
        and all(each.known.get(region, 0) >= count for region, count in removals.items())
    ]
    newest = max(
        counting,
        key=lambda each: (each.version, order(each.value), each.region or ""),
        default=None,
    )
    return newest.value if newest is not None else None


def removed(held: Sequence[Decision[T]]) -> T | None:
    """Return what the newest removal ended, None if there was none."""
    removals = [each for each in held if each.removed]
    newest = max(removals, key=lambda each: (each.version, each.region or ""), default=None)
    return newest.value if newest is not None else None


def addition(held: Sequence[Decision[T]], region: Region, value: T) -> Decision[T]:
    """Return the decision to add: the shared item if there was no decision yet."""
    if not held:
        return Decision(None, value)
    return Decision(region, value, version=_next_version(held), known=_removals(held))


def removal(held: Sequence[Decision[T]], region: Region, ended: T) -> Decision[T]:
    """Return the decision to remove what the merge of `held` is."""
    known = _removals(held)
    known[region] = known.get(region, 0) + 1
    return Decision(region, ended, removed=True, version=_next_version(held), known=known)


def of_region(held: Sequence[Decision[T]], region: Region | None) -> Decision[T] | None:
    """Return the decision of a region, or the shared one."""
    return next((each for each in held if each.region == region), None)


def _removals(held: Sequence[Decision[T]]) -> dict[Region, int]:
    counts: dict[Region, int] = {}
    for each in held:
        for region, count in each.known.items():
            counts[region] = max(count, counts.get(region, 0))
    return counts


def _next_version(held: Sequence[Decision[T]]) -> int:
    return max((each.version for each in held), default=0) + 1
