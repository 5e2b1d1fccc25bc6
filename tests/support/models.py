"""Searches for a series of commands that two adapters answer differently."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

EXAMPLES, EXTENDED_EXAMPLES = 4, 60


def search(machine: Callable[[], RuleBasedStateMachine], config: pytest.Config) -> None:
    """Run series of 25 commands on a real service: a few, with `--all` more."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXTENDED_EXAMPLES if config.getoption("--all") else EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
