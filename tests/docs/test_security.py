"""The threat model: every threat names what stops it, the test that shows it, and what is left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.paths import ROOT

DOCUMENT = (ROOT / "docs/explanation/security.md").read_text()
HEAD = "| threat | what stops it | shown by | left |"
HCL = {path.name: path for path in (ROOT / "terraform").rglob("*.tftest.hcl")}
SECTIONS = ("Assets", "Actors", "Trust boundaries", "Consent", "Cost", "What is left")


def threats() -> Iterator[list[str]]:
    """The rows of the tables of threats, each as its cells."""
    for section in DOCUMENT.split("\n## "):
        _, head, table = section.partition(HEAD)
        if head:
            rows = [line for line in table.splitlines() if line.startswith("| ")]
            yield from (row.strip("| ").split(" | ") for row in rows)


def named() -> Iterator[tuple[str, str]]:
    """The tests that the document names, as (file, test); a test is "" if the file is meant."""
    file = ""
    pattern = r"`([\w./-]*?test_\w+\.py|[\w-]+\.tftest\.hcl)?(?:::(\w+))?`"
    for path, test in re.findall(pattern, DOCUMENT):
        file = path or file
        if file and (path or test):
            yield file, test


@cache
def text(path: Path) -> str:
    return path.read_text()


def test_every_threat_has_what_stops_it_what_shows_it_and_what_is_left() -> None:
    rows = list(threats())
    assert len(rows) > 50
    for row in rows:
        assert len(row) == 4, row
        assert all(cell.strip() for cell in row), row
        assert re.search(r"test_\w+\.py|\.tftest\.hcl", row[2]), row


def test_it_has_what_an_auditor_asks_for() -> None:
    found = re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE)
    assert not set(SECTIONS) - set(found)
    assert DOCUMENT.count(HEAD) >= 7, "a table of threats for each kind of actor"
    assert "```mermaid" in DOCUMENT


def test_the_tests_exist() -> None:
    names = list(named())
    assert len(names) > 100
    for file, test in names:
        path = ROOT / "tests" / file if file.endswith(".py") else HCL.get(file)
        assert path is not None, file
        assert path.is_file(), file
        wanted = f"def {test}(" if file.endswith(".py") else f'run "{test}" {{'
        assert not test or wanted in text(path), f"{file}::{test}"
