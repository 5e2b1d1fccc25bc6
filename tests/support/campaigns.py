"""Runs of the simulator by seeds, and what they find."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.simulator.campaign import campaign, workers


def findings(scenarios: Sequence[str], first: int, seeds: int) -> list[str]:
    """Run so many seeds of each scenario, from the first; return the promises that were broken."""
    with workers() as ask:
        tallies = campaign(list(scenarios), first, seeds, None, ask)
    assert all(tally.runs == seeds for tally in tallies.values())
    assert all(tally.counts["seen"] > seeds for tally in tallies.values())
    return [
        f"{failure.scenario}, seed {failure.seed}: {promise}: {why}"
        for tally in tallies.values()
        for failure in tally.failures
        for promise, why in failure.findings
    ]
