"""What a plan makes, by the region it makes it in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operate.deploy.terraform import Plan, Planned

_MODULE = re.compile(r"module\.(\w+)")
_HOME = "primary"  # the module of the primary region; others are named like theirs
_OF_A_REGION = "aws_lambda_function"


@dataclass(frozen=True, slots=True)
class InRegion:
    """What a plan has in one region.

    Attributes:
        variables: The root's.
    """

    region: str
    resources: tuple[Planned, ...]
    variables: Mapping[str, Any]

    def of(self, kind: str) -> Iterator[Planned]:
        """The resources of a type that exist after the plan."""
        return (each for each in self.resources if each.type == kind and each.after is not None)

    def new(self, kind: str) -> list[Planned]:
        """The resources of a type that the plan makes and that were not there."""
        return [each for each in self.of(kind) if each.before is None]


def by_region(plan: Plan) -> list[InRegion]:
    """A part for each region, the primary one first; the edge is with that one."""
    home = str(plan.variables["region"])
    parts: dict[str, list[Planned]] = {home: []}
    modules = {_module(each) for each in plan.resources if each.type == _OF_A_REGION}
    for each in plan.resources:
        module = _module(each)
        region = module.replace("_", "-") if module in modules - {_HOME} else home
        parts.setdefault(region, []).append(each)
    return [InRegion(region, tuple(each), plan.variables) for region, each in parts.items()]


def _module(resource: Planned) -> str:
    found = _MODULE.match(resource.address)
    return found[1] if found else _HOME
