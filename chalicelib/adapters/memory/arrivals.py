"""The twin of the streams of the global tables: see `ports.Arrivals`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model.replication import Arrival


class MemoryArrivals:
    """Reads records that hold what they report, under `arrival`."""

    def read(self, record: Mapping[str, Any]) -> Arrival | None:
        arrival: Arrival = record["arrival"]
        return arrival
