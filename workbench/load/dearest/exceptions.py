"""Requests that may read or write more than the others, with the reason of each."""

from __future__ import annotations

from collections.abc import Mapping

MOST_READS, MOST_WRITES = 50, 20

# By the name of the kind and its dearest input.
WHY: Mapping[tuple[str, str], str] = {}
