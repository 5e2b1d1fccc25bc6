"""The Markdown documents of the repository, and what they link to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .paths import ROOT

# What tools write into a checkout.
_FOREIGN = {"node_modules", "dist", "build", ".git", ".venv", ".tidings", ".terraform"}
_FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(\s*([^()\s]+)\s*\)")
_TEXT = {".py", ".tf", ".hcl", ".js", ".mjs", ".json", ".yaml", ".toml", ".html"}


def _ours(path: Path) -> bool:
    inside = path.relative_to(ROOT).parts
    return not any(part in _FOREIGN or part.startswith(".venv") for part in inside)


DOCUMENTS = [path for path in sorted(ROOT.rglob("*.md")) if _ours(path)]


def sources() -> Iterator[Path]:
    """Code, configuration and programs."""
    for path in sorted(ROOT.rglob("*")):
        text = path.suffix in _TEXT or path.name in ("Makefile", "up", "run")
        if text and path.is_file() and _ours(path):
            yield path


def without_fences(text: str) -> str:
    return _FENCE.sub("", text)


def links(text: str) -> Iterator[str]:
    """Targets of relative links and images, outside of code."""
    for match in _LINK.finditer(_CODE.sub("", without_fences(text))):
        if not re.match(r"[a-z]+:", match[1]):
            yield match[1]


def anchors(text: str) -> set[str]:
    """Of the sections, as GitHub makes them."""
    counts: Counter[str] = Counter()
    found = set()
    for title in re.findall(r"^#{1,6} +(.+?)\s*$", without_fences(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(f"{name}-{counts[name]}" if counts[name] else name)
        counts[name] += 1
    return found
