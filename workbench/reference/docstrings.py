"""Parses Google-style docstrings: the text, "Attributes:" and "Raises:". Pure."""

from __future__ import annotations

import inspect
import re

_ENTRY = re.compile(r"(\w+(?:, \w+)*): (.*)", re.DOTALL)
_SECTION = re.compile(r"^(Attributes|Args|Raises):$", re.MULTILINE)


def text_of(thing: object) -> str:
    """The docstring before its first section; each block becomes one paragraph."""
    before = _SECTION.split(_doc(thing))[0]
    return "\n\n".join(" ".join(part.split()) for part in before.split("\n\n") if part.strip())


def summary_of(thing: object) -> str:
    """The first paragraph."""
    return text_of(thing).split("\n\n")[0]


def section(thing: object, title: str) -> dict[str, str]:
    """The entries of a section, such as "Attributes", by name; "a, b: text" is for both."""
    parts = _SECTION.split(_doc(thing))
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    found: dict[str, str] = {}
    for entry in _entries(bodies.get(title, "")):
        match = _ENTRY.match(entry)
        if match is None:
            raise ValueError(f"{thing}: not an entry of {title}: {entry[:60]}")
        for name in match[1].split(", "):
            found[name] = " ".join(match[2].split())
    return found


def _entries(body: str) -> list[str]:
    """The blocks of a section: each begins at the least indentation."""
    entries: list[str] = []
    for line in inspect.cleandoc("\n" + body).splitlines():
        if line and not line[0].isspace():
            entries.append(line)
        elif line:
            entries[-1] += "\n" + line
    return entries


def _doc(thing: object) -> str:
    own = vars(thing).get("__doc__") if isinstance(thing, type) else thing.__doc__
    return inspect.cleandoc(own or "")
