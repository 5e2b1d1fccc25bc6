"""Markdown from plain values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table. Cells are Markdown; line breaks and bars in them are escaped."""
    lines = [_line(headers), _line(["---"] * len(headers))]
    lines += [_line([cell(each) for each in row]) for row in rows]
    return "\n".join(lines)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    return f"`{text}`"


def codes(texts: Iterable[object]) -> str:
    return ", ".join(code(each) for each in texts)


def amount(number: int) -> str:
    """Format a number."""
    return f"{number:,}"


def size(count: int) -> str:
    """Format bytes, with a larger unit if the number is a whole multiple of it."""
    exact = f"{count:,} bytes"
    for factor, unit in ((1024 * 1024, "MB"), (1024, "KB")):
        if count >= factor and count % factor == 0:
            return f"{count // factor} {unit} ({exact})"
    return exact


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
