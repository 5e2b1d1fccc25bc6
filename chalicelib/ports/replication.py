"""What the streams of the global tables report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..model.replication import Arrival


class Arrivals(Protocol):
    """Reads the records of the streams of this region's replicas."""

    def read(self, record: Mapping[str, Any]) -> Arrival | None:
        """Return what another region wrote, or a new entry of this one.

        None for a write that has no effect here.

        Raises:
            KeyError, TypeError, ValueError: It is no record that this version can read.
        """
