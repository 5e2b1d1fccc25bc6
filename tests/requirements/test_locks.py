"""The locked files match their .in files, so `make lock` was not forgotten."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from layers import LAYERS, NODE, ROOT
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.support.locks import Pin, environment, pins, wanted

FILES = sorted({locked for files in LAYERS.values() for locked in files})
PACKAGE_LOCKS = [ROOT / folder / "package-lock.json" for folder in NODE]


def names(found: Iterable[Pin]) -> set[NormalizedName]:
    return {pin.name for pin in found}


def needed(roots: Iterable[Requirement]) -> set[NormalizedName]:
    """The names of these requirements and all their dependencies, from installed metadata."""
    seen: set[tuple[NormalizedName, str]] = set()
    todo = list(roots)
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in importlib.metadata.distribution(name).requires or ():
                need = Requirement(text)
                if need.marker is None or need.marker.evaluate({"extra": extra}):
                    todo.append(need)
    return {name for name, _ in seen}


def test_every_locked_file_belongs_to_an_environment() -> None:
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "requirements").glob("*.txt")}
    assert found | {"requirements.txt"} == set(FILES)
    assert {path.stem for path in (ROOT / "requirements").glob("*.in")} == set(LAYERS)


@pytest.mark.parametrize("name", LAYERS)
def test_what_an_in_file_wants_is_locked(name: str) -> None:
    versions = {pin.name: pin.version for pin in environment(name)}
    for requirement in wanted(name):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("locked", FILES)
def test_every_pin_is_exact_and_has_hashes(locked: str) -> None:
    found = pins(locked)
    assert found
    for pin in found:
        assert pin.version
        assert pin.hashes, pin.name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pin.hashes), pin.name


@pytest.mark.parametrize("name", LAYERS)
def test_a_package_is_pinned_once(name: str) -> None:
    found = [pin.name for pin in environment(name) if pin.here]
    assert len(found) == len(set(found))


def test_tests_and_checks_agree_on_what_both_have() -> None:
    of_checks = {pin.name: pin.version for pin in pins("requirements/dev.txt")}
    for pin in pins("requirements/test.txt"):
        assert of_checks.get(pin.name, pin.version) == pin.version


def test_the_zip_is_what_its_in_file_says() -> None:
    assert names(pins("requirements.txt")) == {
        canonicalize_name(requirement.name) for requirement in wanted("lambda")
    }


@pytest.mark.parametrize("name", ["run", "test"])
def test_nothing_else_is_locked_and_nothing_is_missing(name: str) -> None:
    here = names(pin for pin in environment(name) if pin.here)
    assert here == needed(wanted(name))


@pytest.mark.parametrize("name", ["run", "test"])
def test_what_is_installed_is_what_is_locked(name: str) -> None:
    for pin in environment(name):
        if pin.here:
            assert importlib.metadata.version(pin.name) == pin.version, pin.name


@pytest.mark.parametrize("path", PACKAGE_LOCKS, ids=lambda path: path.parent.name)
def test_package_locks_are_those_of_their_package_json(path: Any) -> None:
    [(name, root), *packages] = json.loads(path.read_text())["packages"].items()
    package = json.loads(path.with_name("package.json").read_text())
    assert name == ""
    assert root == {key: package[key] for key in root}
    assert root.keys() >= {key for key in package if key.lower().endswith("dependencies")}
    assert all("integrity" in package for _, package in packages)


def test_no_locked_file_names_the_registry_it_was_made_with() -> None:
    for path in [*(ROOT / locked for locked in FILES), *PACKAGE_LOCKS]:
        assert "://" not in path.read_text(), path
