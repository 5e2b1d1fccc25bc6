"""Decisions as items: the shared one is as it always was, a region's own one has more attributes.

The sort key is the id of a user, in a region's own item `{user}#{region}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from ...kernel.ids import of_regional_key, regional_key
from ...model.decisions import Decision, merged, of_region
from ...model.identifiers import UserId
from .table import Item, integer, n, s, text

T = TypeVar("T")
K = TypeVar("K", bound=str)
TRIES = 5  # of a write that meets another one of the same region


def read(items: Iterable[Item], sort_key: str, value: Callable[[Item], T]) -> list[Decision[T]]:
    """Return the decisions that the items hold."""
    return [_decision(item, sort_key, value) for item in items]


def merge(
    items: Iterable[Item], sort_key: str, value: Callable[[Item], T], order: Callable[[T], int]
) -> Iterator[tuple[UserId, T]]:
    """Merge a partition's items, which are sorted: what holds of each user.

    Most users have the shared item alone, which holds as it is.
    """
    group: list[Item] = []
    owner = ""
    for item in items:
        key = text(item, sort_key)
        if group and ("#" not in key or not key.startswith(f"{owner}#")):
            yield from _merge(owner, group, sort_key, value, order)
            group = []
        group.append(item)
        owner = owner if len(group) > 1 else key.partition("#")[0]
    yield from _merge(owner, group, sort_key, value, order)


def above(sort_key: str, key: str) -> tuple[str, Item]:
    """Return a key condition, and its value, for all items above a key, whoever wrote them."""
    return f"{sort_key} > :above", {":above": s(f"{key}#~" if key else " ")}


def cut(keys: Sequence[Sequence[K]], full: int, most: int) -> tuple[list[K], K | None]:
    """Return the first keys that queries have found, and the last of them if there are more.

    Args:
        keys: What each query has found, in order.
        full: How many a query finds at most, more than `most`: then there may be more of the last
            one.
        most: How many to return at most.
    """
    cut_off = [found[-1] for found in keys if len(found) == full]
    last = min(cut_off, default=None)
    known = sorted({key for found in keys for key in found if last is None or key < last})
    taken = known[:most]
    return taken, taken[-1] if last is not None or len(known) > most else None


def sort_range(sort_key: str, user_id: UserId) -> tuple[str, Item]:
    """Return a key condition, and its values, for all items about a user in a partition."""
    values = {":shared": s(user_id), ":last": s(f"{user_id}#~")}  # no region sorts after "~"
    return f"{sort_key} BETWEEN :shared AND :last", values


def attributes(decision: Decision[T], sort_key: str, user_id: UserId) -> Item:
    """Return the attributes of a decision's item beside its partition key and its value."""
    item: Item = {sort_key: s(regional_key(user_id, decision.region))}
    if decision.region is not None:
        item["removed"] = {"BOOL": decision.removed}
        item["version"] = n(decision.version)
        item["known"] = {"M": {region: n(count) for region, count in decision.known.items()}}
    return item


def condition(decision: Decision[T], held: Sequence[Decision[T]], sort_key: str) -> dict[str, Any]:
    """Return the condition that this region has not decided since `held` was read."""
    before = of_region(held, decision.region)
    if before is None:
        return {"ConditionExpression": f"attribute_not_exists({sort_key})"}
    return {
        "ConditionExpression": "version = :before",
        "ExpressionAttributeValues": {":before": n(before.version)},
    }


def _merge(
    owner: str,
    group: list[Item],
    sort_key: str,
    value: Callable[[Item], T],
    order: Callable[[T], int],
) -> Iterator[tuple[UserId, T]]:
    """Merge the items of one user."""
    if len(group) == 1 and text(group[0], sort_key) == owner:
        yield UserId(owner), value(group[0])
        return
    found = merged(read(group, sort_key, value), order)
    if found is not None:
        yield UserId(owner), found


def _decision(item: Item, sort_key: str, value: Callable[[Item], T]) -> Decision[T]:
    _, region = of_regional_key(text(item, sort_key))
    if region is None:
        return Decision(None, value(item))
    known = item.get("known", {"M": {}})["M"]
    return Decision(
        region,
        value(item),
        removed=bool(item["removed"]["BOOL"]),
        version=integer(item, "version"),
        known={name: integer(known, name) for name in known},
    )
