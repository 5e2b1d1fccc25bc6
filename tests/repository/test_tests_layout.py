"""The rules of the tests' own layout."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import ROOT

TESTS = ROOT / "tests"
MODULES = sorted(path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts)
SHARED = "tests.support"


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def imported(source: str, module: str) -> Iterator[str]:
    """The modules of `tests` that the source of such a module imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*module.split(".")[: -node.level], node.module] if node.level else [node.module]
            package = ".".join(filter(None, base))
            shallow = package == "tests" or (node.level and not node.module)
            names = [f"{package}.{alias.name}" for alias in node.names] if shallow else [package]
        else:
            continue
        yield from (name for name in names if inside(name, "tests"))


def test_tests_share_code_through_support_only() -> None:
    found = [
        f"{module} imports {name}: move what it shares to tests/support"
        for module, source in ((module_of(path), path.read_text()) for path in MODULES)
        for name in imported(source, module)
        if not inside(name, SHARED)
    ]
    assert not found, "\n".join(found)


def test_every_way_to_import_is_seen() -> None:
    source = """
import tests.stack.conftest
from tests import page
from tests.gateway.support import Functions
from .client import Suite
from . import processes
from ..support import world
def late():
    from tests.unit.test_layout import ROOT
import json
from workbench import cli
"""
    assert list(imported(source, "tests.conformance.test_x")) == [
        "tests.stack.conftest",
        "tests.page",
        "tests.gateway.support",
        "tests.conformance.client",
        "tests.conformance.processes",
        "tests.support",
        "tests.unit.test_layout",
    ]
