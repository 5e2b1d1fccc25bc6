"""What each kind of document promises: its length, its diagram, that nothing is left out."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from tests.support.documents import DOCUMENTS, links
from tests.support.paths import ROOT

DOCS = ROOT / "docs"
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PAGE = 110  # lines
LONGEST = 400
_OF_ANOTHER_KIND = {DOCS / "explanation/security.md", DOCS / "explanation/questions.md"}
EXPLANATIONS = sorted(set((DOCS / "explanation").glob("*.md")) - _OF_ANOTHER_KIND)


def layers() -> set[str]:
    """The packages of chalicelib, as import-linter knows them."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    text = config["importlinter:contract:layers"]["layers"]
    return set(re.findall(r"\w+", text))


def test_the_architecture_is_one_page_with_every_package_and_folder() -> None:
    assert len(ARCHITECTURE.splitlines()) <= PAGE
    rows = "\n".join(re.findall(r"^\| (`.*?) \|", ARCHITECTURE, re.MULTILINE))
    named = set(re.findall(r"`([\w.]+)[/`]", rows))
    assert layers() <= named
    folders = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(".") and not path.name.endswith(".egg-info")
    }
    assert folders - {"dist", "build", "__pycache__"} <= named


@pytest.mark.parametrize("document", EXPLANATIONS, ids=lambda path: path.stem)
def test_an_explanation_has_a_diagram_its_failures_and_its_decisions(document: Path) -> None:
    text = document.read_text()
    assert text.count("```mermaid\nsequenceDiagram\n") == 1
    assert "**The problem.**" in text
    assert re.search(r"^## What happens when (a call|something) fails$", text, re.MULTILINE)
    assert "../decisions/" in text[text.index("\n## Decisions\n") :]


@pytest.mark.parametrize("document", EXPLANATIONS, ids=lambda path: path.stem)
def test_a_diagram_says_who_takes_part(document: Path) -> None:
    """A misspelt name would appear as one more participant."""
    [diagram] = re.findall(r"```mermaid\n(.*?)```", document.read_text(), re.DOTALL)
    declared = set(re.findall(r"^ *participant (\w+) as .+$", diagram, re.MULTILINE))
    declared |= set(re.findall(r"^ *participant (\w+)$", diagram, re.MULTILINE))
    arrows = re.findall(r"^ *(\w+) *(?:-->>|->>|--x|-x) *(\w+): .+$", diagram, re.MULTILINE)
    notes = re.findall(r"^ *Note over ([\w,]+): .+$", diagram, re.MULTILINE)
    used = {name for arrow in arrows for name in arrow}
    used |= {name for note in notes for name in note.split(",")}
    assert used == declared
    assert not re.findall("[;#]", diagram), "Mermaid ends a statement there"
    words = ("participant ", "Note over ", "loop ", "alt ", "else ", "opt ", "end", "autonumber")
    for line in map(str.strip, diagram.splitlines()[1:]):
        assert line.startswith(words) or re.match(r"\w+ *(-->>|->>|--x|-x)", line), line


def test_every_decision_is_linked_by_a_document() -> None:
    linked = {
        (document.parent / link).resolve()
        for document in DOCUMENTS
        if document.parent != DOCS / "decisions"
        for link in links(document.read_text())
    }
    assert set((DOCS / "decisions").glob("*.md")) <= linked


def test_no_document_is_too_long() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in DOCS.rglob("*.md")
        if (lines := len(path.read_text().splitlines())) >= LONGEST
        if path.parent.name not in ("reference", "tutorial")
    }
    assert not long
