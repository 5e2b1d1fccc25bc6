"""`tidings simulate`: seeded runs of the whole region on a virtual clock, under faults."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from workbench.simulator.campaign import Failure, Tally, campaign, workers
from workbench.simulator.scenarios import SCENARIOS

KEEP = Path(".tidings/simulations")
_SHOWN = 3
_MOST_SHRUNK = 6


def simulate(
    scenario: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(SCENARIOS)}; repeatable; all if left out."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each scenario.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="The first seed.", min=0)] = 0,
    minutes: Annotated[
        float | None, typer.Option(help="Run for so long instead of a number of seeds.", min=0.01)
    ] = None,
    case: Annotated[
        Path | None, typer.Option(help="Run this kept plan and print its trace.", exists=True)
    ] = None,
    keep: Annotated[Path, typer.Option(help="Folder for shrunk failing plans.")] = KEEP,
    shrink: Annotated[bool, typer.Option(help="Make failing runs smaller.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Run the product's handlers on a virtual clock, with faults chosen by a seed; check it.

    The same seed gives the same run. Exit code 1 if a promise was broken.
    """
    names = scenario or list(SCENARIOS)
    for name in names:
        if name not in SCENARIOS:
            known = ", ".join(SCENARIOS)
            raise typer.BadParameter(f"{name} is none of {known}", param_hint="--scenario")
    console = Console(stderr=as_json)
    if case is not None:
        raise typer.Exit(_show_case(case, console))
    with workers() as ask:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
            total = None if minutes is not None else seeds * len(names)
            task = bar.add_task("runs", total=total)
            until_s = time.monotonic() + minutes * 60 if minutes is not None else None
            tallies = campaign(
                names,
                seed,
                None if minutes is not None else seeds,
                until_s,
                ask,
                lambda done: bar.update(task, completed=done),
            )
        failures = [each for tally in tallies.values() for each in tally.failures]
        if as_json:
            typer.echo(json.dumps(_as_data(tallies)))
        else:
            _tell(console, tallies)
        if shrink:
            for failure in _different(failures)[:_MOST_SHRUNK]:
                _shrink(failure, keep, ask, console)
    raise typer.Exit(1 if failures else 0)


def _show_case(case: Path, console: Console) -> int:
    with workers(1) as ask:
        answer = ask({"case": str(case.resolve()), "trace": True})
    for line in answer["trace"]:
        console.print(Text(line))
    for found in answer["findings"]:
        console.print(Text.assemble((found["promise"], "red"), f" {found['why']}"))
    return 1 if answer["findings"] else 0


def _as_data(tallies: Mapping[str, Tally]) -> dict[str, Any]:
    return {
        "ok": not any(tally.failures for tally in tallies.values()),
        "scenarios": {
            name: {
                "runs": tally.runs,
                "counts": dict(tally.counts),
                "failures": [
                    {"seed": each.seed, "findings": [list(pair) for pair in each.findings]}
                    for each in tally.failures
                ],
            }
            for name, tally in tallies.items()
        },
    }


def _tell(console: Console, tallies: Mapping[str, Tally]) -> None:
    table = Table(
        "scenario", "runs", "sent", "acked", "seen", "faults", "steps", "failed", box=None
    )
    for name, tally in tallies.items():
        counts = (tally.counts[each] for each in ("sent", "acked", "seen", "faults", "steps"))
        table.add_row(name, str(tally.runs), *map(str, counts), str(len(tally.failures)))
    console.print(table)
    for name, tally in tallies.items():
        for failure in tally.failures[:_SHOWN]:
            for promise, why in failure.findings[:_SHOWN]:
                console.print(
                    Text.assemble((promise, "red"), f" {name}, seed {failure.seed}: {why}")
                )
        if len(tally.failures) > _SHOWN:
            seeds = " ".join(str(each.seed) for each in tally.failures[_SHOWN : _SHOWN + 20])
            console.print(f"{name}: also seeds {seeds}")


def _different(failures: list[Failure]) -> list[Failure]:
    """The first failure of each scenario and set of broken promises."""
    found: dict[tuple[str, ...], Failure] = {}
    for failure in failures:
        promises = sorted({promise for promise, _ in failure.findings})
        found.setdefault((failure.scenario, *promises), failure)
    return list(found.values())


def _shrink(failure: Failure, keep: Path, ask: Any, console: Console) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    path = (keep / f"{failure.scenario}-{failure.seed}.json").resolve()
    ask({"scenario": failure.scenario, "seed": failure.seed, "keep": str(path)})
    console.print(f"shrunk: {keep / path.name}, its trace is the .txt beside it")
