"""The table of threats: every row names tests, and they exist."""

from __future__ import annotations

import re

from tests.support.paths import ROOT

TABLE = (ROOT / "docs/explanation/security.md").read_text().partition("\n## Accepted")[0]
ROWS = [row.split(" | ") for row in TABLE.splitlines() if row.startswith("| ")][1:]
TESTS = [path for path in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in path.parts]


def test_every_threat_has_what_stops_it_and_what_shows_it() -> None:
    assert len(ROWS) > 20
    for row in ROWS:
        assert len(row) == 3, row
        assert re.search(r"test_\w+|`tests/\w+`", row[2]), row


def test_the_tests_exist() -> None:
    for _, _, shown_by in ROWS:
        for folder in re.findall(r"`(tests/\w+)`", shown_by):
            assert (ROOT / folder).is_dir(), folder
        file = ""
        for path, test in re.findall(r"`([\w/]*test_\w+\.py)?(?:::(test_\w+))?`", shown_by):
            file = path or file
            found = [each for each in TESTS if each.as_posix().endswith(f"/{file}")]
            assert found, file
            assert any(f"def {test}(" in each.read_text() for each in found) or not test, test
