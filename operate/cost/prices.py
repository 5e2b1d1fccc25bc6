"""List prices from prices.json, with their tiers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class Price:
    """What a quantity costs.

    Attributes:
        per: The quantity that a tier's price is for.
        tiers: (up to this quantity a month, price), the last one without an end.
        unit: What is counted.
        source: How the figure is known; a key of the file's `sources`.
        page: The AWS page that states it.
    """

    per: int
    tiers: tuple[tuple[float | None, float], ...]
    unit: str
    source: str
    page: str

    def usd(self, quantity: float) -> float:
        """A month's price of so many."""
        total, below = 0.0, 0.0
        for end, price in self.tiers:
            top = quantity if end is None else min(quantity, end)
            total += max(0.0, top - below) * price / self.per
            below = quantity if end is None else end
        return total


def document() -> dict[str, Any]:
    """The file."""
    found: dict[str, Any] = json.loads(PATH.read_text())
    return found


def load() -> Mapping[str, Price]:
    """All prices by name."""
    return {
        name: Price(
            per=given["per"],
            tiers=tuple((end, price) for end, price in given["tiers"]),
            unit=given["unit"],
            source=given["source"],
            page=given["page"],
        )
        for name, given in document()["prices"].items()
    }
