"""How drills tell what their checks have found."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from workbench.drills import guarantees
from workbench.drills.checker import Kind, Verdict

_SHOWN = 20


def _new_file(text: str) -> Path:
    """A file that can be written, which is known before the drill."""
    path = Path(text)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise typer.BadParameter(f"{text} cannot be written: name a file in a folder of yours")
    return path


Report = Annotated[
    Path | None,
    typer.Option(
        parser=_new_file,
        metavar="FILE",
        help="Write an HTML report here: one file with timelines.",
    ),
]


def _page(text: str) -> Path:
    path = Path(text)
    if not path.is_file() or not os.access(path, os.W_OK):
        raise typer.BadParameter(f"{text} is no file that can be written")
    return path


Note = Annotated[
    Path | None,
    typer.Option(
        parser=_page,
        metavar="FILE",
        help="Write the result into this page: docs/reference/guarantees.md.",
    ),
]


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a drill's result goes.

    Attributes:
        report, note: Files; None for none.
        as_json: Print it as JSON, not in words.
    """

    report: Path | None
    note: Path | None
    as_json: bool

    def finish(
        self,
        told: Mapping[str, Any],
        *,
        name: str,
        seed: int,
        sheet: Callable[[], str],
        tell: Callable[[], None],
    ) -> NoReturn:
        """Hand out the result, and end the command: with exit code 1 if something was broken.

        Args:
            told: The result as JSON.
            name: Of the row in the page of guarantees.
            sheet: Makes the report.
            tell: Prints the result in words.
        """
        if self.report is not None:
            self.report.write_text(sheet())
        if self.note is not None:
            note(self.note, name, told, seed)
        if self.as_json:
            typer.echo(json.dumps(told))
        else:
            tell()
        raise typer.Exit(0 if told["ok"] else 1)


def note(page: Path, name: str, told: Mapping[str, Any], seed: int) -> None:
    """Write a drill's result into the page of guarantees.

    Raises:
        typer.BadParameter: The page has no place for it.
    """
    text = guarantees.line(told, command(seed), date.today())
    try:
        page.write_text(guarantees.noted(page.read_text(), name, text))
    except ValueError as fault:
        raise typer.BadParameter(f"{page}: {fault}") from fault


def command(seed: int) -> str:
    """The command that runs, with its seed."""
    given = _without_note(sys.argv[1:])
    more = (
        [] if any(each.partition("=")[0] == "--seed" for each in given) else ["--seed", str(seed)]
    )
    return shlex.join(["tidings", *given, *more])


def _without_note(given: Sequence[str]) -> list[str]:
    """The arguments without `--note FILE`, which changes nothing in the drill."""
    left, skips = [], False
    for each in given:
        if not skips and each.partition("=")[0] != "--note":
            left.append(each)
        skips = each == "--note"
    return left


def figure(name: str, value: float) -> tuple[str, str]:
    """A figure in words and with its unit."""
    if name.endswith("_per_s"):
        return f"{name.removesuffix('_per_s').replace('_', ' ')} a second", f"{value:g}"
    if name.endswith("_s"):
        return name.removesuffix("_s").replace("_", " "), f"{value:.1f} s"
    return name.replace("_", " "), f"{value:g}"


def tell(console: Console, verdict: Verdict, ok: bool, more: str = "") -> None:
    """Print the first faults, and whether the promises held.

    Args:
        more: What else to say in the last line.
    """
    for fault in verdict.faults[:_SHOWN]:
        where = f"{fault.message_id} in {fault.room}, {fault.client or 'the log'}"
        console.print(Text.assemble((str(fault.kind), "red"), f" {where}: {fault.why}"))
    if len(verdict.faults) > _SHOWN:
        console.print(f"… and {len(verdict.faults) - _SHOWN} more")
    numbers = ", ".join(f"{verdict.of(kind)} {kind}" for kind in Kind)
    mark = "[green]held[/green]" if ok else "[red]broken[/red]"
    console.print(f"{mark}: {numbers}, {verdict.counts.failed} not acked{more}")
