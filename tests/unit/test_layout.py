"""The rules of the code that import-linter cannot state."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "chalicelib").rglob("*.py"))

# All nouns; all ports; one port, one file: a client on raw sockets, a cache.
LARGE = {"model.py": 480, "ports.py": 560, "apigateway.py": 640, "redis.py": 540}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def test_only_adapters_import_boto3_or_redis() -> None:
    for path in SHIPPED:
        if "adapters" not in path.parts:
            assert not {"boto3", "botocore", "redis"} & set(imports(path)), path


def test_only_app_py_imports_chalice() -> None:
    assert "chalice" in set(imports(ROOT / "app.py"))
    for path in SHIPPED:
        assert "chalice" not in set(imports(path)), path


def test_only_settings_reads_the_environment() -> None:
    for path in SHIPPED:
        if path.name != "settings.py":
            text = path.read_text()
            assert "os.environ" not in text, path
            assert "getenv" not in text, path


def test_no_file_is_over_its_size() -> None:
    for path in [*SHIPPED, *(ROOT / "operate").rglob("*.py"), *(ROOT / "workbench").rglob("*.py")]:
        lines = len(path.read_text().splitlines())
        assert lines <= LARGE.get(path.name, 450), (path, lines)


def test_every_handler_of_app_py_has_at_most_three_lines() -> None:
    for node in ast.parse((ROOT / "app.py").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            assert len(node.body) <= 3, node.name


def test_every_module_says_what_it_is() -> None:
    for path in SHIPPED:
        if path.read_text().strip():
            assert ast.get_docstring(ast.parse(path.read_text())), path
