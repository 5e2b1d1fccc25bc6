"""The pages of docs/reference, with the modules that generate their sections."""

from __future__ import annotations

from pathlib import Path

from . import (
    cli,
    clients,
    glossary,
    http,
    index,
    jobs,
    logs,
    metrics,
    protocol,
    redis,
    settings,
    tables,
)
from .sections import Makers, rewrite

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"

PAGES: dict[str, Makers] = {
    "README.md": index.SECTIONS,
    "cli.md": cli.SECTIONS,
    "protocol.md": protocol.SECTIONS,
    "http.md": http.SECTIONS,
    "client-js.md": clients.SECTIONS,
    "client-python.md": clients.SECTIONS,
    "settings.md": settings.SECTIONS,
    "jobs.md": jobs.SECTIONS,
    "tables.md": tables.SECTIONS,
    "redis.md": redis.SECTIONS,
    "metrics.md": metrics.SECTIONS,
    "logs.md": logs.SECTIONS,
    "glossary.md": glossary.SECTIONS,
    "guarantees.md": {},  # the drills write into it
    "model.md": {},  # `tidings model --write` writes into it
    "dearest.md": {},  # `python -m workbench.load.dearest --write` writes into it
}


def made(page: str, text: str) -> str:
    """The page with its sections generated."""

    def make(section: str) -> str:
        name, *arguments = section.split()
        makers = PAGES[page]
        if name not in makers:
            raise ValueError(f"{page}: no generator for the section {section!r}")
        return makers[name](*arguments)

    return rewrite(text, make)


def write() -> list[str]:
    """Rewrite the pages on disk; return the names of those that changed."""
    changed = []
    for page in PAGES:
        path = FOLDER / page
        before = path.read_text()
        after = made(page, before)
        if after != before:
            path.write_text(after)
            changed.append(page)
    return changed
