"""Links between documents lead somewhere: files, sections, and documents that code names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.documents import DOCUMENTS, anchors, links, sources
from tests.support.paths import ROOT


def target(document: Path, link: str) -> tuple[Path, str]:
    path, _, anchor = link.partition("#")
    return (document.parent / path).resolve() if path else document, anchor


def broken(document: Path) -> Iterator[str]:
    for link in links(document.read_text()):
        file, anchor = target(document, link)
        if not file.is_relative_to(ROOT) or not file.exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors(file.read_text()):
            yield f"{link}: no such section"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    assert not list(broken(document))


def test_documents_that_code_names_exist() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources()
        for name in re.findall(r"(?<![\w./-])docs/[\w/-]+\.md", path.read_text())
        if not (ROOT / name).exists()
    ]
    assert not found, "\n".join(found)


def test_sections_that_code_names_exist() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}#{anchor}"
        for path in sources()
        for name, anchor in re.findall(r"(?<![\w./-])(docs/[\w/-]+\.md)#([\w-]+)", path.read_text())
        if anchor not in anchors((ROOT / name).read_text())
    ]
    assert not found, "\n".join(found)


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached:
            continue
        reached.add(document)
        for link in links(document.read_text()):
            file, _ = target(document, link)
            if file.is_dir():
                waiting += file.glob("*.md")
            elif file.suffix == ".md" and file.exists():
                waiting.append(file)
    ours = [path for path in DOCUMENTS if path.parent in (ROOT, *(ROOT / "docs").glob("**"))]
    assert len(ours) > 20
    assert not [str(path.relative_to(ROOT)) for path in ours if path not in reached]


def test_sections_and_links_are_found_as_on_github() -> None:
    text = """
# A title: with `code`, and 2 *signs*!
## Same
## Same
```
[no](link.md)
# no section
```
[one](a.md) ![image](b.png) `[no](link.md)` [two
lines](c.md#x) [web](https://example.com)
"""
    assert anchors(text) == {"a-title-with-code-and-2-signs", "same", "same-1"}
    assert list(links(text)) == ["a.md", "b.png", "c.md#x"]
