"""glossary.md: finds the terms in the code. The page's authors write the definitions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .sections import Makers

_ROOT = Path(__file__).resolve().parents[2]
PAGE = _ROOT / "docs" / "reference" / "glossary.md"
_TERM = re.compile(r"^\| \*\*(.+?)\*\* \| ", re.MULTILINE)


def terms(page: str) -> list[str]:
    """The terms that the page defines, in its order."""
    return _TERM.findall(page)


def classes(package: Path = _ROOT / "chalicelib") -> Mapping[str, list[str]]:
    """The modules that define a class, by the class's name."""
    found: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        for name in _defined(path):
            found.setdefault(name, []).append(str(path.relative_to(package.parent)))
    return found


def words(package: Path = _ROOT / "chalicelib") -> set[str]:
    """All words of the code, in lower case; identifiers are split into their words."""
    text = "\n".join(path.read_text() for path in package.rglob("*.py"))
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text).replace("_", " ")
    return set(re.findall(r"[a-z]+", spaced.lower()))


def _defined(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            yield node.name


SECTIONS: Makers = {}
