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
    """The price of a quantity.

    Attributes:
        per: The quantity to which a tier's price applies.
        tiers: (up to this quantity a month, price); the last one has no limit.
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
        """The cost of this quantity in a month."""
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
