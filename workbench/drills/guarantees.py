"""The page of guarantees: what the last run of each drill has measured. Pure.

A row has the marks `<!-- measured: NAME -->` and `<!-- measured end -->`, and between them one
line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

_MARKED = re.compile(r"(<!-- measured: (?P<name>[^>]+?) -->)(?P<line>.*?)(<!-- measured end -->)")
_FAULTS = ("lost", "doubled", "misordered")


def names(page: str) -> list[str]:
    """The drills whose figures the page has."""
    return [match["name"] for match in _MARKED.finditer(page)]


def noted(page: str, name: str, line: str) -> str:
    """The page with this line as the drill's figures.

    Raises:
        ValueError: The page has no place for this drill.
    """
    if name not in names(page):
        raise ValueError(f"no row of the page has the mark <!-- measured: {name} -->")
    return _MARKED.sub(
        lambda match: f"{match[1]}{line}{match[4]}" if match["name"] == name else match[0], page
    )


def line(told: Mapping[str, Any], command: str, on: date) -> str:
    """A drill's result in one line.

    Args:
        told: The result as the command's `--json` prints it.
        command: That printed it.
    """
    faults = {name: told["faults"][name] for name in _FAULTS}
    parts = [f"{told['counts']['sent']} sent", *(f"{n} {name}" for name, n in faults.items())]
    if told.get("not_copied"):
        parts.append(f"{told['not_copied']} lost with their region")
    times = told["times"]
    full_s, outage_s = times.get("full_service_s"), times.get("outage_max_s")
    if outage_s is not None:
        parts.append(f"longest outage {outage_s:.1f} s")
    if full_s is not None:
        parts.append(f"full service after {full_s:.1f} s")
    if times.get("ratio_p50") is not None:
        ratio = f"{times['ratio_p50']:g} times as long, p99 {times['ratio_p99']:g} times"
        parts.append(f"deliveries took {ratio}")
    outcome = "held" if told["ok"] else "**broken**"
    return f"{outcome}: {', '.join(parts)} ({on.isoformat()}, `{command}`)"
