"""README.md: the contents of each page, from its first paragraph. Pure, except for reading."""

from __future__ import annotations

from pathlib import Path

from .markdown import table
from .sections import Makers

_FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


def pages() -> str:
    rows = []
    for path in sorted(_FOLDER.glob("*.md")):
        if path.name != "README.md":
            _, lead, *_ = path.read_text().split("\n\n")
            rows.append((f"[{path.name}]({path.name})", lead))
    return table(["page", "contents"], rows)


SECTIONS: Makers = {"pages": pages}
