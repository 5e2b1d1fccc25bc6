"""A run as data: who there is, what they do and when, what goes wrong. Made from a seed.

A plan can be made smaller step by step, and stored: what it does not name does not happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kernel.settings import Endpoint, Settings
from chalicelib.model.identifiers import Region

from .injection import Fault, FaultPlan

API = "api"  # the protocol of a program that uses the HTTP API


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
        regions: The regions of the deployment; empty for one.
        homes: The region of each device, program or user that does not begin in the first one.
        past: How many messages each region wrote to each room an hour ago; no region knows any more
            what it has delivered of them.
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
    regions: tuple[str, ...] = ()
    homes: Mapping[str, str] = field(default_factory=dict)
    past: int = 0

    @property
    def redis_stays_up(self) -> bool:
        """Whether Redis answers every call, and loses nothing."""
        faults = self.fault_plan
        strikes = any(faults.rates.values()) and (not faults.only or "redis" in faults.only)
        away = any(each.service == "redis" for each in faults.outages)
        return not strikes and not away and all(step.who != "redis" for step in self.steps)

    def configured(self, region: str = "") -> Settings:
        """The settings of a region; "" if there is one."""
        if not region:
            return Settings(**self.settings)
        regions = tuple(Region(each) for each in self.regions)
        given = {**self.settings, "region": region, "regions": regions}
        if any(step.what == "drain" for step in self.steps):
            given["endpoints"] = {
                each: Endpoint(f"wss://{each}/ws", f"https://{each}/v1/health") for each in regions
            }
        return Settings(**given)
