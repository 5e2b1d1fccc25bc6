"""The site's menu: all of its pages, in the kinds of the documentation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

_KINDS = {
    "Learn": "docs/tutorial",
    "Do": "docs/how-to",
    "Look up": "docs/reference",
    "Understand": "docs/explanation",
    "Decisions": "docs/decisions",
}
_FIRST = {"Home": "README.md", "Questions": "docs/explanation/questions.md"}
_MORE = {"Understand": ["ARCHITECTURE.md"]}


def menu(pages: Iterable[Path]) -> list[dict[str, Any]]:
    """What mkdocs takes as `nav`; pages that no kind names are parts or about the project."""
    left = {str(page) for page in pages}
    found: list[dict[str, Any]] = [{name: page} for name, page in _FIRST.items()]
    left -= set(_FIRST.values())
    for name, folder in _KINDS.items():
        more = _MORE.get(name, [])
        inside = sorted(page for page in left if str(Path(page).parent) == folder)
        index = f"{folder}/README.md"
        ordered = [index, *more, *(page for page in inside if page != index)]
        found.append({name: ordered})
        left -= set(ordered)
    parts = sorted(page for page in left if page.count("/") and not page.startswith("docs/"))
    found.append({"Parts": parts})
    found.append({"Project": sorted(left - set(parts))})
    return found
