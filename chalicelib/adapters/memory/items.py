"""The items of a table, by partition and sort key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from ...model.identifiers import Region
from ...model.slices import Slice

T = TypeVar("T")
K = TypeVar("K", bound=str)
REGION = Region("us-east-1")  # of a deployment of one region


class Items(Generic[T]):
    """A table of a region. Tests replicate it by a subclass: all writes are `put` and `delete`."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, T]] = {}

    def put(self, partition: str, sort: str, item: T) -> None:
        self._partitions.setdefault(partition, {})[sort] = item

    def delete(self, partition: str, sort: str) -> T | None:
        """Return the item that was deleted."""
        return self._partitions.get(partition, {}).pop(sort, None)

    def get(self, partition: str, sort: str = "") -> T | None:
        return self._partitions.get(partition, {}).get(sort)

    def partition(self, name: str) -> list[tuple[str, T]]:
        """The sort keys and items of a partition, by sort key."""
        return sorted(self._partitions.get(name, {}).items(), key=lambda pair: pair[0])

    def partitions(self) -> Iterator[str]:
        return iter(sorted(self._partitions))


def sliced(entries: Mapping[K, T], after: K, most: int) -> Slice[K, T]:
    """Return the first of these entries above a key."""
    keys = sorted(key for key in entries if key > after)
    end = keys[most - 1] if len(keys) > most else None
    return Slice({key: entries[key] for key in keys[:most]}, end)
