"""`tidings drill region-isolation` and the other drills with faults of services and regions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from chalicelib.model.log import Durability
from operate.cli import options
from workbench.drills import aws, regional
from workbench.drills import report as pages
from workbench.drills.charts import Window
from workbench.drills.checker import Kind
from workbench.drills.crowd import Progress as At
from workbench.drills.scenarios import SCENARIOS
from workbench.drills.timelines import timelines
from workbench.stack.children import StackError

from . import verdicts
from .verdicts import Note, Report

_PLAN = regional.Plan("")


class Target(StrEnum):
    LOCAL = "local"
    AWS = "aws"


def add_to(app: typer.Typer) -> None:
    """Add a command for each scenario."""
    for name, scenario in SCENARIOS.items():
        help_ = f"{scenario.says}\n\nStarts local regions of its own. Exit code 1 if a check fails."
        app.command(name, help=help_)(_command(name))


def _command(name: str) -> Callable[..., None]:
    scenario = SCENARIOS[name]

    def command(
        regions: Annotated[
            str, typer.Option(help="AWS regions, comma-separated; the first one suffers.")
        ] = ",".join(_PLAN.regions[: scenario.regions]),
        clients: Annotated[int, typer.Option(min=4)] = _PLAN.clients,
        seconds: Annotated[float, typer.Option(min=6)] = _PLAN.seconds,
        seed: Annotated[int | None, typer.Option(help="Seed of random choices; printed.")] = None,
        stock: Annotated[
            int, typer.Option(help="Stock Socket.IO clients, in percent.", min=0, max=100)
        ] = _PLAN.stock,
        room_size: Annotated[int, typer.Option(help="Members of a room.", min=2)] = _PLAN.room_size,
        pause_s: Annotated[
            float, typer.Option(help="Seconds between a client's messages, on average.", min=0.01)
        ] = _PLAN.pause_s,
        within_s: Annotated[
            float, typer.Option(help="Seconds within which all must be seen after the end.", min=1)
        ] = scenario.converge_s,
        durability: Annotated[
            Durability, typer.Option(help="`global`: a second region has a message before its ack.")
        ] = _PLAN.durability,
        report: Report = None,
        note: Note = None,
        target: Annotated[
            Target, typer.Option(help="aws: print what would be done there, and do nothing.")
        ] = Target.LOCAL,
        as_json: options.Json = False,
    ) -> None:
        names = tuple(options.region(each.strip()) for each in regions.split(","))
        least = scenario.regions
        if len(set(names)) < max(least, len(names)) or room_size < max(2, len(names)):
            raise typer.BadParameter(
                f"name {'two regions' if least > 1 else 'a region'} or more, each once, and no "
                "more than a room has members"
            )
        if target is Target.AWS:
            _dry_run(name, names, seconds, as_json)
            return
        chosen = seed if seed is not None else random.randrange(1_000_000)
        plan = regional.Plan(
            name, names, clients, seconds, chosen, stock, room_size, pause_s, within_s, durability
        )
        _run(plan, as_json, report, note)

    return command


def _dry_run(name: str, regions: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Print what the scenario would do to a deployment on AWS."""
    at = aws.Target("tidings", regions, max(1, round(seconds / 3 / 60)))
    steps = aws.steps(name, at)
    if as_json:
        told = {"scenario": name, "steps": [asdict(each) for each in steps]}
        typer.echo(json.dumps({**told, "why_not": aws.why_not(name)}))
    for number, step in enumerate(steps if not as_json else (), 1):
        typer.echo(f"{number}. {step.why}:\n   {step.command}")
    if not steps:
        if not as_json:
            typer.echo(f"{name} cannot be had on AWS: {aws.why_not(name)}")
        raise typer.Exit(1)
    if not as_json:
        cost_usd = sum(step.cost_usd for step in steps)
        typer.echo(f"AWS charges {cost_usd:.2f} USD for it, beside the traffic of its clients.")
        typer.echo("Nothing was done. Clients, record and checker are those of the local drill.")


def _run(plan: regional.Plan, as_json: bool, report: Path | None, note: Path | None) -> None:
    console = Console(stderr=as_json)
    where = " and ".join(plan.regions)
    console.print(f"seed {plan.seed}: {plan.clients} clients in {where}, {plan.seconds:g} s")
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def watch(at: At) -> None:
            if at.phase not in tasks:
                tasks[at.phase] = bars.add_task(at.phase, total=int(at.of))
            bars.update(tasks[at.phase], completed=int(at.done), total=int(at.of))

        with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
            try:
                result = asyncio.run(regional.run(plan, watch))
            except StackError as fault:
                raise SystemExit(f"the regions did not start: {fault}") from fault
    name = f"{plan.scenario}, global" if plan.durability is Durability.GLOBAL else plan.scenario
    verdicts.Outlets(report, note, as_json).finish(
        as_data(result),
        name=name,
        seed=plan.seed,
        sheet=lambda: pages.page(_sheet(result)),
        tell=lambda: _tell(console, result),
    )


def as_data(result: regional.Result) -> dict[str, Any]:
    """The result as JSON, without its history."""
    faults = {kind.name.lower(): result.verdict.of(kind) for kind in Kind}
    return {
        "ok": result.ok,
        "scenario": result.plan.scenario,
        "seed": result.plan.seed,
        "regions": list(result.plan.regions),
        "durability": result.plan.durability,
        "counts": asdict(result.verdict.counts),
        "faults": {**faults, "different_logs": len(result.differing)},
        "not_copied": len(result.not_copied),
        "times": _times(result),
        "promises": dict(result.promises),
        "details": [asdict(fault) for fault in result.verdict.faults],
    }


def _times(result: regional.Result) -> dict[str, float | None]:
    return {
        **result.figures.as_data(),
        "converged_s": result.converged_s,
        "settled_s": result.settled_s,
        **result.noted,
    }


def _sheet(result: regional.Result) -> pages.Sheet:
    """The result for a report."""
    plan = result.plan
    kinds = Counter(result.kinds.values())
    return pages.Sheet(
        title=plan.scenario,
        says=SCENARIOS[plan.scenario].says,
        command=verdicts.command(plan.seed),
        ok=result.ok,
        verdict=result.verdict,
        facts={
            "regions": ", ".join(plan.regions),
            "seconds of talk": f"{plan.seconds:g}",
            "pause, average": f"{plan.pause_s:g} s",
            "members of a room": plan.room_size,
            "seed": plan.seed,
            "clients": plan.clients,
            **{f"– {kind}": number for kind, number in sorted(kinds.items())},
            **({"lost with their region": len(result.not_copied)} if result.not_copied else {}),
        },
        times=_times(result),
        course=timelines(result.history, result.home, result.region_of),
        window=Window(result.times.began_s, result.times.healed_s),
        promises=result.promises,
        differing=len(result.differing),
    )


def _tell(console: Console, result: regional.Result) -> None:
    counts = result.verdict.counts
    table = Table(show_header=False, box=None)
    for name in ("sent", "acked", "deliveries", "seen", "pushes", "pushed_again", "recovered"):
        table.add_row(name.replace("_", " "), str(getattr(counts, name)))
    table.add_row("connections", str(counts.connections))
    for name, value in {**result.figures.as_data(), **result.noted}.items():
        if value is not None:
            table.add_row(*verdicts.figure(name, value))
    if result.not_copied:
        table.add_row("lost with their region", str(len(result.not_copied)))
    converged = "never" if result.converged_s is None else f"{result.converged_s:.1f} s"
    table.add_row("converged after the faults", converged)
    console.print(table)
    for promise, held in result.promises.items():
        console.print(f"{'[green]yes[/green]' if held else '[red]no[/red]'}: {promise}")
    logs = f", {len(result.differing)} rooms with different logs" if result.differing else ""
    verdicts.tell(console, result.verdict, result.ok, logs)
