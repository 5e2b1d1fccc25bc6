"""`tidings drill hostile`: strangers and greedy users attack while honest clients talk."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from operate.cli import options
from workbench.drills import report as pages
from workbench.drills.charts import Window
from workbench.drills.checker import Kind
from workbench.drills.crowd import Progress as At
from workbench.drills.hostile import drill, judging
from workbench.drills.hostile.attackers import ATTACKS
from workbench.drills.timelines import timelines
from workbench.stack.children import StackError

from . import verdicts
from .verdicts import Note, Report

NAME, SAYS = "hostile", "Strangers and greedy users attack while honest clients talk."
_PLAN = drill.Plan()
_PER_REQUEST = ("invocations", "redis", "stores", "queues", "posts")
_HEAD = ("attack", "requests", *_PER_REQUEST, "held", "answers")
_ANSWERS = 4


class Stores(StrEnum):
    EMULATOR = "emulator"
    MEMORY = "memory"


_STORES = Stores(_PLAN.stores)


def add_to(app: typer.Typer) -> None:
    attacks = "\n\n".join(f"{name}: {each.says}" for name, each in ATTACKS.items())
    help_ = f"{SAYS}\n\nStarts a local stack of its own. Exit code 1 if a check fails.\n\n{attacks}"
    app.command(NAME, help=help_)(hostile)


def _attacks(text: str) -> tuple[str, ...]:
    names = tuple(each.strip() for each in text.split(","))
    unknown = set(names) - set(ATTACKS)
    if unknown or len(set(names)) < len(names):
        raise typer.BadParameter(f"name attacks, each once, of: {', '.join(ATTACKS)}")
    return names


def hostile(
    clients: Annotated[int, typer.Option(help="Honest clients.", min=4)] = _PLAN.clients,
    seconds: Annotated[float, typer.Option(help="Of the attack.", min=1)] = _PLAN.seconds,
    quiet_s: Annotated[
        float, typer.Option(help="Seconds before it, to compare with.", min=1)
    ] = _PLAN.quiet_s,
    seed: Annotated[int | None, typer.Option(help="Seed of random choices; printed.")] = None,
    stock: Annotated[
        int, typer.Option(help="Stock Socket.IO clients, in percent.", min=0, max=100)
    ] = _PLAN.stock,
    room_size: Annotated[int, typer.Option(help="Members of a room.", min=2)] = _PLAN.room_size,
    pause_s: Annotated[
        float, typer.Option(help="Seconds between a client's messages, on average.", min=0.01)
    ] = _PLAN.pause_s,
    attacks: Annotated[
        str, typer.Option(help="Some of them only, comma-separated.", show_default="all")
    ] = ",".join(_PLAN.attacks),
    attacks_per_s: Annotated[
        float, typer.Option(help="Attacks a second, all together.", min=0.1)
    ] = _PLAN.per_s,
    most: Annotated[
        int, typer.Option(help="How often each attack is made, at most.", min=1)
    ] = _PLAN.most,
    within_ratio: Annotated[
        float, typer.Option(help="How much longer deliveries may take, p50 and p99.", min=1)
    ] = _PLAN.within_ratio,
    stores: Annotated[
        Stores,
        typer.Option(help="emulator: with emulators, which take more of the machine."),
    ] = _STORES,
    report: Report = None,
    note: Note = None,
    as_json: options.Json = False,
) -> None:
    chosen = seed if seed is not None else random.randrange(1_000_000)
    plan = drill.Plan(
        clients=clients,
        quiet_s=quiet_s,
        seconds=seconds,
        seed=chosen,
        stock=stock,
        room_size=room_size,
        pause_s=pause_s,
        attacks=_attacks(attacks),
        per_s=attacks_per_s,
        most=most,
        stores=stores.value,
        within_ratio=within_ratio,
    )
    console = Console(stderr=as_json)
    console.print(f"seed {plan.seed}: {plan.clients} clients, {len(plan.attacks)} attacks")
    result = _run(plan, console)
    verdicts.Outlets(report, note, as_json).finish(
        as_data(result),
        name=NAME,
        seed=plan.seed,
        sheet=lambda: pages.page(_sheet(result)),
        tell=lambda: _tell(console, result),
    )


def as_data(result: drill.Result) -> dict[str, Any]:
    """The result as JSON, without its history."""
    return {
        "ok": result.ok,
        "scenario": NAME,
        "seed": result.plan.seed,
        "counts": asdict(result.verdict.counts),
        "faults": {kind.name.lower(): result.verdict.of(kind) for kind in Kind},
        "times": _times(result),
        "attacks": {
            name: {**asdict(cost), "per_request": {w: cost.each(w) for w in _PER_REQUEST}}
            for name, cost in _with_all(result)
        },
        "honest": {name: dict(each) for name, each in result.honest.items()},
        "dropped": result.dropped,
        "left": dict(result.left),
        "promises": dict(result.promises),
        "details": [asdict(fault) for fault in result.verdict.faults],
    }


def _run(plan: drill.Plan, console: Console) -> drill.Result:
    columns = (TextColumn("{task.description:>10}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def watch(at: At) -> None:
            if at.phase not in tasks:
                tasks[at.phase] = bars.add_task(at.phase, total=int(at.of))
            bars.update(tasks[at.phase], completed=int(at.done), total=int(at.of))

        with contextlib.redirect_stdout(sys.stderr):
            try:
                return asyncio.run(drill.run(plan, watch))
            except StackError as fault:
                raise SystemExit(f"the drill could not run: {fault}") from fault


def _times(result: drill.Result) -> dict[str, float | None]:
    ratios = judging.ratios(result.quiet, result.attacked)
    return {
        "alone_p50_s": result.quiet.p50_s,
        "alone_p99_s": result.quiet.p99_s,
        "attacked_p50_s": result.attacked.p50_s,
        "attacked_p99_s": result.attacked.p99_s,
        "ratio_p50": ratios["p50"],
        "ratio_p99": ratios["p99"],
        "settled_s": result.settled_s,
    }


def _with_all(result: drill.Result) -> Iterator[tuple[str, judging.Cost]]:
    """Each attack's cost, and their sum."""
    yield from result.costs.items()
    yield "all", judging.total(result.costs.values())


def _rows(result: drill.Result) -> Iterator[tuple[str, ...]]:
    """A table: calls of functions and ports for each request, and the executions held at once."""
    begun_s, ended_s = result.window
    for name, cost in _with_all(result):
        answers = [f"{number} {answer}" for answer, number in cost.answers.items()]
        more = ["…"] if len(answers) > _ANSWERS else []
        each = (f"{cost.each(what):g}" for what in _PER_REQUEST)
        held = f"{cost.ms / 1000 / (ended_s - begun_s):.1f}"
        yield (name, str(cost.made), *each, held, ", ".join([*answers[:_ANSWERS], *more]))


def _sheet(result: drill.Result) -> pages.Sheet:
    """The result for a report."""
    plan = result.plan
    return pages.Sheet(
        title=NAME,
        says=SAYS,
        command=verdicts.command(plan.seed),
        ok=result.ok,
        verdict=result.verdict,
        facts={
            "seconds alone": f"{plan.quiet_s:g}",
            "seconds of attack": f"{plan.seconds:g}",
            "attacks a second": f"{plan.per_s:g}",
            "pause, average": f"{plan.pause_s:g} s",
            "members of a room": plan.room_size,
            "stores": plan.stores,
            "seed": plan.seed,
            "clients": plan.clients,
            **{f"– {kind}": number for kind, number in sorted(_kinds(result).items())},
            "lost connections under attack": result.dropped,
            "keys left of attackers in Redis": sum(result.left["keys"].values()),
        },
        times=_times(result),
        course=timelines(result.history, dict.fromkeys(result.kinds, "the stack"), {}),
        window=Window(*result.window),
        promises=result.promises,
        tables={"Attacks, for each request": [_HEAD, *_rows(result)]},
    )


def _kinds(result: drill.Result) -> Counter[str]:
    return Counter(result.kinds.values())


def _tell(console: Console, result: drill.Result) -> None:
    table = Table(*_HEAD, box=None, title="calls for each request; executions held at once")
    for row in _rows(result):
        table.add_row(*row)
    console.print(table)
    for name, times in (("alone", result.quiet), ("under attack", result.attacked)):
        if times.p50_s is not None and times.p99_s is not None:
            spread = f"p50 {times.p50_s * 1000:.0f} ms, p99 {times.p99_s * 1000:.0f} ms"
            console.print(f"{times.count} deliveries {name}: {spread}")
    ratios = judging.ratios(result.quiet, result.attacked)
    console.print(f"times as long under attack: p50 {ratios['p50']}, p99 {ratios['p99']}")
    console.print(f"left in Redis: {dict(result.left['keys']) or 'nothing'}")
    for promise, held in result.promises.items():
        console.print(f"{'[green]yes[/green]' if held else '[red]no[/red]'}: {promise}")
    dropped = f", {result.dropped} lost connections"
    verdicts.tell(console, result.verdict, result.ok, dropped)
