"""Output for people: text from elsewhere is printed as it is, brackets included."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text


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
