"""The items of a table, by partition and sort key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from ...model.identifiers import Region

T = TypeVar("T")
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
