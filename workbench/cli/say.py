"""How the commands say to people what went wrong: in the fault's own words, brackets and all."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text


def problem(why: object) -> None:
    """Why the command ends, on standard error; rich neither reads markup in it nor breaks it."""
    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble(("tidings:", "red"), f" {why}"), soft_wrap=True)


def plain(console: Console, text: object, style: str = "") -> None:
    """Text that came from elsewhere, as it is."""
    console.print(str(text), style=style, markup=False, highlight=False, soft_wrap=True)
