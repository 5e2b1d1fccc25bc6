"""Shares of the functions that run new code: which are deployed when."""

from __future__ import annotations

from typing import Any

from operate import triggers
from tests.support.paths import ROOT
from workbench.stack.rollout import Rollout

NAMES = sorted(triggers.load(ROOT / "app.py").functions)


class Deployed:
    """In the place of the functions: the names of those that are deployed."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def deploy(self, function: str) -> None:
        self.names.append(function)


def test_a_rollout_goes_on_with_a_greater_share_and_the_next_begins_with_a_lower_one() -> None:
    deployed: Any = Deployed()
    rollout = Rollout(deployed, ROOT / "app.py")
    half = round(0.5 * len(NAMES))
    rollout.reach(0.0)
    assert deployed.names == []
    rollout.reach(0.5)
    rollout.reach(0.5)
    assert deployed.names == NAMES[:half], "what is told again changes nothing"
    rollout.reach(1.0)
    rollout.reach(1.0)
    assert deployed.names == NAMES
    rollout.reach(0.5)
    rollout.reach(1.0)
    assert deployed.names == NAMES * 2
