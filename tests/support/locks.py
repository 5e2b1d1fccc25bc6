"""Reads locked files as pip does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from layers import LAYERS, ROOT
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name


@dataclass(frozen=True, slots=True)
class Pin:
    """A line: `name==version ; marker` and its hashes."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> NormalizedName:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        [only] = self.requirement.specifier
        assert only.operator == "==", self.requirement
        return only.version

    @property
    def here(self) -> bool:
        """Whether this Python on this machine needs it."""
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def pins(locked: str) -> list[Pin]:
    """The pins of a locked file."""
    text = (ROOT / locked).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [_pin(*re.split(r"\s+--hash=", line.strip())) for line in lines]


def environment(name: str) -> list[Pin]:
    """All pins of an environment."""
    return [pin for locked in LAYERS[name] for pin in pins(locked)]


def wanted(name: str) -> Iterator[Requirement]:
    """The requirements in an .in file and in the files that it includes."""
    for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines():
        if line.startswith("-r "):
            yield from wanted(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith("#"):
            yield Requirement(line)


def _pin(requirement: str, *hashes: str) -> Pin:
    return Pin(Requirement(requirement), hashes)
