"""Collects the documents of the checkout for the site's generator, at the same paths.

Links to folders lead to their index, links to source files become plain text: the site has none.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Folders of `docs` without a README of their own, and the titles of the indexes that they get.
INDEXES = {
    "docs/tutorial": "Learn",
    "docs/how-to": "Do",
    "docs/explanation": "Understand",
    "docs/decisions": "Decisions",
}
_PARTS = ("clients", "web", "workbench/gateway", "terraform", "localstack")
_FOREIGN = {"node_modules", ".terraform", "dist"}
_BESIDE = {".png", ".svg", ".html"}  # what documents show or link to
# Blocks of code and code in a line are left alone; a link may have an image as its text.
_LINK = re.compile(
    r"(?P<code>^( *)(?:```|~~~).*?^\2(?:```|~~~)|`[^`\n]+`)"
    r"|(?P<text>!?\[(?:[^\[\]]|\[[^\]]*\](?:\([^)]*\))?)*\])\(\s*(?P<target>[^()\s]+)\s*\)",
    re.DOTALL | re.MULTILINE,
)


def documents(root: Path = ROOT) -> list[Path]:
    """The Markdown files of the site, relative to the root."""
    found = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    for part in _PARTS:
        found += (root / part).rglob("*.md")
    ours = [path.relative_to(root) for path in sorted(set(found))]
    return [path for path in ours if not _FOREIGN & set(path.parts)]


def stage(target: Path, root: Path = ROOT) -> list[Path]:
    """Write the documents into an empty folder; return those that are there, with indexes."""
    shutil.rmtree(target, ignore_errors=True)
    pages = documents(root)
    indexes = [Path(folder) / "README.md" for folder in INDEXES]
    there = {*pages, *indexes, *_beside(root)}
    for page in pages:
        _write(target / page, rewritten((root / page).read_text(), page, there))
    for index in indexes:
        listed = [page for page in pages if page.parent == index.parent]
        lines = [f"- [{title(root / page)}]({page.name})" for page in listed]
        heading = INDEXES[str(index.parent)]
        _write(target / index, "\n".join([f"# {heading}", "", *lines, ""]))
    for file in _beside(root):
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / file, target / file)
    return sorted({*pages, *indexes})


def rewritten(text: str, page: Path, there: Iterable[Path]) -> str:
    """The text of a page, with links that lead somewhere among the files that are there."""
    known = set(there)

    def replace(match: re.Match[str]) -> str:
        if match["code"] or re.match(r"[a-z]+:|#", match["target"]):
            return match[0]
        path, hash_, anchor = match["target"].partition("#")
        found = _normal(page.parent / path)
        if found in known:
            return match[0]
        if found / "README.md" in known:
            return f"{match['text']}({path.rstrip('/')}/README.md{hash_}{anchor})"
        return match["text"][1:-1]

    return _LINK.sub(replace, text)


def title(page: Path) -> str:
    """The first heading, without its marks."""
    found = re.search(r"^# +(.+)$", page.read_text(), re.MULTILINE)
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", found[1]) if found else page.stem


def _beside(root: Path) -> Iterator[Path]:
    for path in sorted((root / "docs").rglob("*")):
        if path.suffix in _BESIDE:
            yield path.relative_to(root)


def _normal(path: Path) -> Path:
    """Without `..`, also above the root."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return Path(*parts)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
