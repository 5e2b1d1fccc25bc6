"""A slice of a list that is read by key, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=str)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Slice(Generic[K, V]):
    """Entries of a list above some key. They may be fewer than were asked for, or none.

    Attributes:
        found: All entries up to `end`, by key, in order.
        end: The key after which the next slice begins; None if there is none.
    """

    found: Mapping[K, V]
    end: K | None

    def up_to(self, end: K | None) -> Mapping[K, V]:
        """Return the entries up to a key; None for all."""
        return self.found if end is None else {k: v for k, v in self.found.items() if k <= end}
