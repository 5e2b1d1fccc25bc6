"""Generated sections of a Markdown page. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

# By name, what makes a section. A section "action send_message" is made by "action", which is
# called with the argument "send_message".
Makers = Mapping[str, Callable[..., str]]

_SECTION = re.compile(
    r"(?P<start><!-- generated: (?P<name>[^>]+?) -->\n)(?P<body>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)
_MARKER = re.compile(r"<!-- (?:generated: [^>]+|end) -->")


def names(page: str) -> list[str]:
    """The sections of a page, in order."""
    return [match["name"] for match in _SECTION.finditer(page)]


def rewrite(page: str, make: Callable[[str], str]) -> str:
    """The page with each section made anew.

    Raises:
        ValueError: A marker has no partner.
    """
    if len(_MARKER.findall(page)) != 2 * len(names(page)):
        raise ValueError("a marker without its partner: every section begins and ends")
    return _SECTION.sub(
        lambda match: f"{match['start']}{make(match['name']).strip()}\n{match['end']}", page
    )
