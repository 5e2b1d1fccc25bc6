"""No locked version is one that requirements/advisories.toml says is affected."""

from __future__ import annotations

import json
import tomllib

import pytest
from layers import LAYERS, NODE, ROOT
from packaging.specifiers import SpecifierSet

from tests.support.locks import pins

ADVISORIES: dict[str, dict[str, dict[str, str]]] = tomllib.loads(
    (ROOT / "requirements" / "advisories.toml").read_text()
)
Locked = set[tuple[str, str, str]]


def locked() -> Locked:
    """All locked packages: of which registry, name and version."""
    files = {file for files in LAYERS.values() for file in files}
    found: Locked = {("pypi", pin.name, pin.version) for file in files for pin in pins(file)}
    for folder in NODE:
        text = (ROOT / folder / "package-lock.json").read_text()
        for place, package in json.loads(text)["packages"].items():
            if place:
                found.add(("npm", place.rpartition("node_modules/")[2], package["version"]))
    return found


def affected(packages: Locked, advisories: dict[str, dict[str, dict[str, str]]]) -> list[str]:
    return [
        f"{name} {version}: {advisory} affects {versions}"
        for registry, name, version in sorted(packages)
        for advisory, versions in advisories[registry].get(name, {}).items()
        if SpecifierSet(versions).contains(version, prereleases=True)
    ]


def test_no_locked_version_is_affected() -> None:
    assert affected(locked(), ADVISORIES) == []


def test_every_advisory_is_about_a_locked_package() -> None:
    names = {(registry, name) for registry, name, _ in locked()}
    known = {(registry, name) for registry, by_name in ADVISORIES.items() for name in by_name}
    assert known <= names, "take out what is not locked any more"


@pytest.mark.parametrize(
    ("version", "found"), [("2.3.0", True), ("2.4.0", False), ("2.10.0", True), ("3.0", False)]
)
def test_what_is_affected_is_found(version: str, found: bool) -> None:
    assert bool(affected({("pypi", "pyjwt", version)}, ADVISORIES)) is found
