"""Output for people: text from elsewhere is printed as it is, brackets included."""

from __future__ import annotations

import re
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operate.checks import Check

# C0 and C1 controls, line and paragraph separators, bidirectional embeddings, overrides and
# isolates, surrogates.
_ACTED_ON = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_STYLES = {"ok": "green", "warning": "yellow", "blocking": "red", "fault": "red"}


def problem(why: object) -> None:
    """Print why the command ends, on standard error, without rich's markup or line breaks."""
    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble(("tidings:", "red"), f" {why}"), soft_wrap=True)


def table(*names: str) -> Table:
    """A table that wraps long values and never truncates them."""
    made = Table()
    for name in names:
        made.add_column(name, overflow="fold")
    return made


def plain(console: Console, text: object, style: str = "") -> None:
    """Print text from elsewhere unchanged: the `:secret:` of an ARN is not an emoji."""
    console.print(Text(str(text), style), soft_wrap=True)


def check(console: Console, made: Check) -> None:
    """Print a check, and what to do about it on lines of its own."""
    took = "" if made.took_ms is None else f" ({made.took_ms} ms)"
    line = Text.assemble((made.result.ljust(8), _STYLES[made.result]), f" {made.name}: ")
    console.print(line.append(f"{made.found}{took}"), soft_wrap=True)
    for more in filter(None, (made.remedy, made.guide)):
        plain(console, f"           {more}", "dim")


def coloured() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def harmless(text: str) -> str:
    """Return the text on one line, without anything that a terminal acts on.

    Control characters (such as ESC), line separators, bidirectional overrides and lone surrogates,
    which cannot be encoded, are shown as escapes. Everything else stays: joiners, spaces of any
    width, direction marks, and characters that later Unicode versions add.
    """
    return _ACTED_ON.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
