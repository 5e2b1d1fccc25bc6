"""The locks for running have all that the programs import, and nothing more."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

from layers import ROOT
from packaging.utils import canonicalize_name

from tests.support.locks import environment

# `tidings`, `localstack/up`, and modules that they load by path or start as programs.
PROGRAMS = (
    "workbench.cli.main",
    "workbench.cli.emulators",
    "workbench.lambdas.server",
    "workbench.stack.emulator",
    "workbench.conformance.app",
    "app",
)
OURS = (ROOT, ROOT / "clients" / "python")


def file_of(module: str) -> Path | None:
    """None when it is not of this checkout, or is no module but a name in one."""
    paths = [folder.joinpath(*module.split(".")) for folder in OURS]
    files = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")]
    return next(filter(Path.is_file, files), None)


def imported(node: ast.AST, package: str) -> Iterator[str]:
    """The modules, and names in modules, that imports name, including those in functions."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) + 1 - node.level]
        base = ".".join([*(above if node.level else []), *([node.module] if node.module else [])])
        yield from (f"{base}.{alias.name}" for alias in node.names)
        yield base
    for child in ast.iter_child_nodes(node):
        yield from imported(child, package)


def reached() -> dict[str, str]:
    """The external top-level names that the programs import, each with one importing module."""
    others: dict[str, str] = {}
    seen: set[str] = set()
    todo = [(program, "") for program in PROGRAMS]
    while todo:
        module, by = todo.pop()
        path = file_of(module)
        if path is None:
            others.setdefault(module.partition(".")[0], by)
        elif module not in seen:
            seen.add(module)
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            found = {package, *imported(ast.parse(path.read_text()), package)} - {""}
            todo += [(each, module) for each in found]
    ours = {module.partition(".")[0] for module in seen}
    return {name: by for name, by in others.items() if name not in ours}


def test_every_import_of_the_programs_is_locked_for_running() -> None:
    locked = {pin.name for pin in environment("run") if pin.here}
    providers = importlib.metadata.packages_distributions()
    found = reached()
    assert {"chalice", "redis", "uv", "watchfiles"} <= set(found)
    for name, by in found.items():
        if name not in sys.stdlib_module_names:
            provided = {canonicalize_name(each) for each in providers.get(name, [])}
            assert provided & locked, f"{by} imports {name}, which requirements/run.in lacks"


def test_every_program_is_there() -> None:
    assert all(file_of(program) for program in PROGRAMS)


def test_a_run_installs_nothing_of_the_tests_or_the_checks() -> None:
    locked = {pin.name for pin in environment("run")}
    assert not locked & {"pytest", "hypothesis", "playwright", "schemathesis", "mypy", "ruff"}
