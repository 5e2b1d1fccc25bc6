"""`tidings drill`: run the system under faults and check the result."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from operate import http
from operate.cli import options
from workbench.drills import report as pages
from workbench.drills import storm as storms
from workbench.drills.checker import Kind
from workbench.drills.crowd import Progress as At
from workbench.drills.figures import figures
from workbench.drills.history import History
from workbench.drills.timelines import timelines

from . import drill_hostile, drill_regions, verdicts

app = typer.Typer(no_args_is_help=True, help="Drills: run the system under faults and check it.")

drill_regions.add_to(app)
drill_hostile.add_to(app)
_PLAN = storms.Plan()


@app.callback()
def drills() -> None:
    """Drills: run the system under faults and check it."""


@app.command()
def storm(
    clients: Annotated[int, typer.Option(min=4)] = _PLAN.clients,
    seconds: Annotated[float, typer.Option(min=1)] = _PLAN.seconds,
    seed: Annotated[int | None, typer.Option(help="Seed of random choices; printed.")] = None,
    stock: Annotated[
        int, typer.Option(help="Stock Socket.IO clients, in percent.", min=0, max=100)
    ] = _PLAN.stock,
    room_size: Annotated[int, typer.Option(help="Members of a room.", min=2)] = _PLAN.room_size,
    cuts_per_s: Annotated[float, typer.Option(min=0.01)] = _PLAN.cuts_per_s,
    pause_s: Annotated[
        float, typer.Option(help="Seconds between a client's messages, on average.", min=0.01)
    ] = _PLAN.pause_s,
    url: Annotated[
        str | None,
        typer.Option(
            parser=options.url,
            metavar="URL",
            help="Use a running local stack; its gateway then closes no connections.",
        ),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Write the history here, one event a line.", dir_okay=False)
    ] = None,
    report: verdicts.Report = None,
    note: verdicts.Note = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Cut the connections of mixed clients at random; check that no message is lost or doubled.

    Also checks their order. Starts a local stack of its own. Exit code 1 if a check fails.
    """
    chosen = seed if seed is not None else random.randrange(1_000_000)
    plan = storms.Plan(
        clients=clients, seconds=seconds, seed=chosen, stock=stock, room_size=room_size,
        cuts_per_s=cuts_per_s, pause_s=pause_s,
    )  # fmt: skip
    console = Console(stderr=as_json)
    console.print(f"seed {plan.seed}: {plan.clients} clients, {plan.seconds:g} s of storm")
    # Chalice logs to what is standard output when the functions are loaded.
    with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
        result = asyncio.run(_run(plan, url, console))
    if keep is not None:
        keep.write_text("".join(f"{line}\n" for line in as_lines(result.history)))
    verdicts.Outlets(report, note, as_json).finish(
        as_data(result),
        name="storm",
        seed=plan.seed,
        sheet=lambda: pages.page(_sheet(result)),
        tell=lambda: _tell(console, result),
    )


def as_data(result: storms.Result) -> dict[str, object]:
    """The result as JSON, without its history."""
    return {
        "ok": result.ok,
        "plan": asdict(result.plan),
        "kinds": result.mix,
        "settled_s": result.settled_s,
        "times": _times(result),
        "counts": asdict(result.verdict.counts),
        "doubles": result.doubles,
        "faults": {kind.value: result.verdict.of(kind) for kind in Kind},
        "details": [asdict(fault) for fault in result.verdict.faults],
    }


def as_lines(history: History) -> Iterator[str]:
    """The history as lines of JSON: each room with its members and its log, then each event."""
    for room, members in history.members.items():
        log = [asdict(entry) for entry in history.log[room]]
        yield json.dumps({"room": room, "members": sorted(members), "log": log})
    for event in history.events:
        yield json.dumps({"event": type(event).__name__.lower(), **asdict(event)})


def _times(result: storms.Result) -> dict[str, float | None]:
    """The figures that make sense when cuts go on all the time."""
    found = figures(result.history, 0.0, 0.0, None).as_data()
    wanted = ("outage_p50_s", "outage_p99_s", "outage_max_s", "refusals", "duplicates")
    return {name: found[name] for name in wanted}


def _sheet(result: storms.Result) -> pages.Sheet:
    """The result for a report."""
    plan, counts = result.plan, result.verdict.counts
    return pages.Sheet(
        title="storm",
        says="Cut the connections of mixed clients at random.",
        command=verdicts.command(plan.seed),
        ok=result.ok,
        verdict=result.verdict,
        facts={
            "clients": plan.clients,
            **{f"– {kind}": number for kind, number in result.mix.items()},
            "seconds of storm": f"{plan.seconds:g}",
            "cuts": sum(counts.cuts.values()),
            "seed": plan.seed,
        },
        times={**_times(result), "settled_s": result.settled_s},
        course=timelines(result.history, dict.fromkeys(result.kinds, "the stack"), {}),
    )


async def _run(plan: storms.Plan, url: str | None, console: Console) -> storms.Result:
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def watch(at: At) -> None:
            if at.phase not in tasks:
                tasks[at.phase] = bars.add_task(at.phase, total=int(at.of))
            bars.update(tasks[at.phase], completed=int(at.done), total=int(at.of))

        if url:
            await http.health(url)
            return await storms.storm(plan, url, None, watch)
        async with storms.stack() as stack:
            return await storms.storm(plan, stack.url, stack.gateway, watch)


def _tell(console: Console, result: storms.Result) -> None:
    counts = result.verdict.counts
    table = Table(show_header=False, box=None)
    for kind, number in result.mix.items():
        table.add_row(kind, str(number))
    for name, value in asdict(counts).items():
        if name != "cuts":
            table.add_row(name.replace("_", " "), str(value))
    for why, kinds in result.doubles.items():
        table.add_row(f"  {why}", ", ".join(f"{n} {kind}" for kind, n in kinds.items()) or "0")
    table.add_row("cuts", str(sum(counts.cuts.values())))
    for cut, number in sorted(counts.cuts.items()):
        table.add_row(f"  {cut}", str(number))
    settled = "never" if result.settled_s is None else f"{result.settled_s:.1f} s"
    table.add_row("settled after", settled)
    for name, value in _times(result).items():
        if value is not None and name != "duplicates":  # these are `pushed again`
            table.add_row(*verdicts.figure(name, value))
    console.print(table)
    verdicts.tell(console, result.verdict, result.ok)
