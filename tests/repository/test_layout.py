"""The rules of the code that import-linter cannot state."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import ROOT

SHIPPED = sorted((ROOT / "chalicelib").rglob("*.py"))

LONGEST = 400  # lines of a file
CODE = {".py", ".js", ".mjs", ".tf", ".hcl"}
FOLDERS = (
    *("chalicelib", "workbench", "operate"),
    *("clients", "web", "localstack", "terraform", "tests"),
)


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


def code_files(root: Path) -> Iterator[Path]:
    """The code in a checkout; what package managers install into it is not ours."""
    yield root / "app.py"
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            installed = {"node_modules", ".terraform"} & set(path.relative_to(root).parts)
            if path.suffix in CODE and not installed:
                yield path


def test_no_file_is_too_long() -> None:
    sizes = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in code_files(ROOT)
    }
    found = [
        f"{name} has {lines} lines of {LONGEST}: split it by what it is about"
        for name, lines in sizes.items()
        if lines > LONGEST
    ]
    assert not found, "\n".join(found)


def test_code_is_found_in_every_folder_and_language(tmp_path: Path) -> None:
    written = {
        tmp_path / name
        for name in (
            *("app.py", "chalicelib/a/b.py", "operate/c.py", "workbench/d.py"),
            *("clients/js/e.mjs", "web/f.js", "terraform/g.tf", "terraform/tests/h.tftest.hcl"),
        )
    }
    others = {tmp_path / "tests/node_modules/i.js", tmp_path / "tests/j.json"}
    for path in written | others:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert set(code_files(tmp_path)) == written


def test_every_handler_of_app_py_has_at_most_three_lines() -> None:
    for node in ast.parse((ROOT / "app.py").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            assert len(node.body) <= 3, node.name


def test_every_module_says_what_it_is() -> None:
    for path in SHIPPED:
        if path.read_text().strip():
            assert ast.get_docstring(ast.parse(path.read_text())), path
