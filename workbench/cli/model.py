"""`tidings model`: latencies and cost of the product's own code, with AWS's published latencies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from workbench.model import document, latencies, report
from workbench.model.plots import plots
from workbench.model.report import Report, Table
from workbench.model.rooms import HOT_RATES

_QUICKER = 10


def model(
    sizes: Annotated[
        str, typer.Option(help="Members of quiet rooms, separated by commas.")
    ] = ",".join(map(str, report.SIZES)),
    rates: Annotated[
        str, typer.Option(help="Messages a second in the hot room; empty for none.")
    ] = ",".join(map(str, HOT_RATES)),
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Model the product once more with this setting, beside the defaults; repeatable.",
        ),
    ] = None,
    file: Annotated[
        Path,
        typer.Option(
            "--latencies",
            exists=True,
            dir_okay=False,
            help="What calls take: a file like workbench/model/latencies.toml.",
        ),
    ] = latencies.FILE,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = 1,
    quick: Annotated[bool, typer.Option(help="A tenth of the messages to quiet rooms.")] = False,
    images: Annotated[Path | None, typer.Option(help="Draw the plots into this folder.")] = None,
    markdown: Annotated[bool, typer.Option(help="Print the tables of docs/reference.")] = False,
    write: Annotated[bool, typer.Option(help="Write tables and plots into docs/.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Model how soon messages arrive and what they cost, beside a naive design.

    Runs the product's handlers on a virtual clock; each call takes as long as AWS's published
    figures say. A prediction, not a measurement.
    """
    console = Console(stderr=as_json or markdown)
    try:
        changed, many = report.settings(set_ or ()), (_known(sizes), _numbers(rates))
        given = _modelled(console, changed, file, seed, many, quick)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None
    if images is not None:
        images.mkdir(parents=True, exist_ok=True)
        for name, svg in plots(given).items():
            (images / name).write_text(svg)
    if write:
        document.write(given)
    if as_json:
        typer.echo(json.dumps(given.as_data()))
    elif markdown:
        typer.echo(document.block(given))
    else:
        for table in report.tables(given):
            console.print(_shown(table))
            console.print()


def _modelled(
    console: Console,
    changed: dict[str, str],
    file: Path,
    seed: int,
    many: tuple[tuple[int, ...], tuple[int, ...]],
    quick: bool,
) -> Report:
    """
    Args:
        many: The sizes of quiet rooms, and the rates of the hot one.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("cases", total=None)
        return report.model(
            changed,
            file,
            seed,
            *many,
            _QUICKER if quick else 1,
            lambda done, of: bar.update(task, completed=done, total=of),
        )


def _numbers(text: str) -> tuple[int, ...]:
    parts = [each.strip() for each in text.split(",") if each.strip()]
    if not all(each.isdecimal() and int(each) for each in parts):
        raise ValueError(f"{text!r}: write numbers above 0, separated by commas")
    return tuple(map(int, parts))


def _known(text: str) -> tuple[int, ...]:
    found = _numbers(text)
    if not found or set(found) - set(report.SIZES):
        raise ValueError(f"{text!r}: write some of {', '.join(map(str, report.SIZES))}")
    return found


def _shown(given: Table) -> RichTable:
    """As a table whose numbers are whole on a terminal of 80 columns, too."""
    padding = (0, 1, 0, 0)
    made = RichTable(
        title=given.title, title_justify="left", title_style="bold", box=None, padding=padding
    )
    for number, name in enumerate(given.head):
        if number < given.numbers:
            made.add_column(name, no_wrap=number == 0 and given.numbers > 2, overflow="fold")
        else:
            made.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    last = ""
    for row in given.rows:
        made.add_row("" if row[0] == last else row[0], *row[1:])
        last = row[0]
    return made
