"""A run as data: who there is, what they do and when, what goes wrong. Made from a seed.

A plan can be made smaller step by step, and stored: what it does not name does not happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kernel.settings import Settings

from .injection import Fault, FaultPlan


@dataclass(frozen=True, slots=True)
class Step:
    """Something that a device, a user (over HTTP) or the operator (`redis`) does.

    `what` is a name in `run.STEPS`, `args` are its arguments.
    """

    at_s: float
    who: str
    what: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Attributes:
        devices: The protocol of each device, by name (`user/number`): `json`, one of
            `speech.Transports`, or `api` for a program that uses the HTTP API.
        rooms: The members of each room at the start; the first one owns it.
        friends: Pairs of users who are friends at the start.
        settings: Settings that differ from the defaults.
        faults: The faults of calls that may strike; None for all that are drawn.
        quiet_s: How long the run goes on after faults have ended: what is not right then, stays
            wrong.
    """

    scenario: str
    seed: int
    devices: Mapping[str, str]
    rooms: Mapping[str, tuple[str, ...]]
    steps: tuple[Step, ...]
    fault_plan: FaultPlan
    friends: tuple[tuple[str, str], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    quiet_s: float = 420
    faults: frozenset[Fault] | None = None

    @property
    def configured(self) -> Settings:
        return Settings(**self.settings)
