"""The site of the documents: it builds without a broken link, alone, and answers newcomers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.documents import anchors
from tests.support.paths import ROOT
from workbench.site.__main__ import build
from workbench.site.navigation import menu
from workbench.site.staging import documents, rewritten

QUESTIONS = (ROOT / "docs/explanation/questions.md").read_text()


class Loaded(HTMLParser):
    """What a page makes a browser load."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video"):
            self.found.append(named.get("src") or "")
        elif tag == "link" and named.get("rel") not in ("canonical", "prev", "next"):
            self.found.append(named.get("href") or "")


@pytest.mark.extended
def test_it_builds_strictly_has_all_documents_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    if not (ROOT / ".venv-docs/bin/mkdocs").exists():
        pytest.skip("mkdocs is not installed: make docs")
    site = build(tmp_path)
    for document in documents():
        path = document.parent if document.name == "README.md" else document.with_suffix("")
        assert (site / path / "index.html").is_file(), document
    pages = [page for page in site.rglob("*.html") if page.name != "drill-report.html"]
    loaded = {url for page in pages for url in Loaded(page).found}
    assert any("mermaid.min.js" in url for url in loaded)
    assert not [url for url in loaded if re.match(r"(https?:)?//", url)]
    assert "queue_full" in (site / "search/search_index.json").read_text()


def entries(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for value in part.values():
            yield from entries(value)
    elif isinstance(part, list):
        for value in part:
            yield from entries(value)


def test_every_document_is_in_the_menu_once() -> None:
    listed = list(entries(menu(documents())))
    assert {str(page) for page in documents()} <= set(listed)
    assert len(listed) == len(set(listed))


def test_links_lead_to_pages_indexes_or_become_text() -> None:
    there = {Path("d/a/b.md"), Path("d/x/README.md"), Path("README.md"), Path("d/i.png")}
    text = (
        "[b](b.md#s) [x](../x) [top](../../README.md) [code `a`](../../app.py) ![i](../i.png) "
        "[w](https://e.org) [s](#here) `[no](../../app.py)`\n```\n[no](../../app.py)\n```\n"
    )
    assert rewritten(text, Path("d/a/c.md"), there) == (
        "[b](b.md#s) [x](../x/README.md) [top](../../README.md) code `a` ![i](../i.png) "
        "[w](https://e.org) [s](#here) `[no](../../app.py)`\n```\n[no](../../app.py)\n```\n"
    )


def test_twelve_questions_have_answers_with_links() -> None:
    assert len(anchors(QUESTIONS)) == 13  # and the title
    for answer in QUESTIONS.split("\n## ")[1:]:
        assert "](" in answer, answer
        assert answer.count(". ") + answer.count(".\n") <= 6, "two or three sentences"


def test_the_figures_of_the_answer_on_cost_are_those_of_the_estimate() -> None:
    estimate = (ROOT / "docs/how-to/deploy.md").read_text()
    figures = re.findall(r"\$[\d,.]*\d", QUESTIONS)
    assert figures
    assert not [figure for figure in figures if figure not in estimate]
