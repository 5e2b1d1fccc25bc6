"""How the commands say to people what went wrong: in the fault's own words, brackets and all."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text


def problem(why: object) -> None:
    """Why the command ends, on standard error; rich reads nothing into it and does not break it."""
    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble(("tidings:", "red"), f" {why}"), soft_wrap=True)


def table(*names: str) -> Table:
    """A table that breaks what is too long for its column, and cuts nothing off."""
    made = Table()
    for name in names:
        made.add_column(name, overflow="fold")
    return made


def plain(console: Console, text: object, style: str = "") -> None:
    """Text that came from elsewhere, as it is: the `:secret:` of an ARN is no emoji."""
    console.print(Text(str(text), style), soft_wrap=True)
