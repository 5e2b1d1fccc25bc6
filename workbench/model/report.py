"""The results of a model: runs all cases, and has them as data and as tables of texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chalicelib.kernel.settings import Settings
from operate.cost import load as load_prices
from operate.cost.markdown import usd
from workbench.simulator.campaign import workers

from . import latencies, scale, worker
from .latencies import Latencies
from .rooms import HOT_MEMBERS, HOT_RATES, QUIET
from .worker import NAIVE, Case, Row

AS_IS = "Tidings"
TIMES = tuple(f"{what} {part}" for what in ("ack", "receive") for part in ("p50", "p99", "max"))
SIZES = tuple(each.members for each in QUIET)


class Unknown(ValueError):
    """A setting that the product does not have, or a value that it refuses."""


@dataclass(frozen=True, slots=True)
class Report:
    """
    Attributes:
        changed: The settings that the second design has; empty if there is none.
        seed: The same seed, file and code give the same figures.
        made_on: The date of the run.
    """

    latencies: Latencies
    seed: int
    changed: Mapping[str, str]
    quiet: Sequence[Row]
    hot: Sequence[Row]
    scales: Sequence[scale.Scale]
    made_on: str = ""

    def design(self, row: Row) -> str:
        """The name of a row's design: the product, the product as changed, or the naive one."""
        if row.case.clients == NAIVE:
            return NAIVE
        changed = " ".join(f"{name}={value}" for name, value in row.case.settings.items())
        return changed or AS_IS

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "made_on": self.made_on,
            "latencies_as_of": self.latencies.as_of,
            "seed": self.seed,
            "settings": dict(self.changed),
            "quiet": [{"design": self.design(row), **asdict(row)} for row in self.quiet],
            "hot": [{"design": self.design(row), **asdict(row)} for row in self.hot],
            "scale": [_scale_data(each) for each in self.scales],
        }


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts; the columns from `numbers` on are numbers."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int


def settings(given: Sequence[str]) -> dict[str, str]:
    """Settings from texts such as `TIDINGS_SPLIT_OVER=100`.

    Raises:
        Unknown: The product has no such setting, or refuses the value.
    """
    known = set(re.findall(r"\[([A-Z][A-Z0-9_]+)\]", Settings.__doc__ or ""))
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise Unknown(
                f"{text!r}: write NAME=VALUE with a setting of docs/reference/settings.md"
            )
        found[name] = value
    try:
        Settings.from_env(found)
    except ValueError as fault:
        raise Unknown(str(fault)) from None
    return found


def cases(changed: Mapping[str, str], sizes: Sequence[int], rates: Sequence[int]) -> list[Case]:
    """All cases, each design's beside the others'."""
    products: list[Mapping[str, str]] = [{}, changed] if changed else [{}]
    found = []
    for size in sizes:
        for clients in ("JSON", "stock"):
            found += [Case("quiet", size, clients, each) for each in products]
        found.append(Case("quiet", size, NAIVE, {}))
    for rate in rates:
        for clients in ("JSON", "arrays"):
            found += [Case("hot", rate, clients, each) for each in products]
        found.append(Case("hot", rate, NAIVE, {}))
    return found


def model(
    changed: Mapping[str, str],
    file: Path = latencies.FILE,
    seed: int = 1,
    sizes: Sequence[int] = SIZES,
    rates: Sequence[int] = HOT_RATES,
    shorten: int = 1,
    watch: Callable[[int, int], None] = lambda done, of: None,
) -> Report:
    """Run all cases, side by side in processes.

    Args:
        watch: Called with the number of cases done, and of all.

    Raises:
        ValueError: The file of latencies is wrong.
    """
    given, all_cases = latencies.load(file), cases(changed, sizes, rates)
    prices, quotas = load_prices(), scale.load()
    scales = [scale.scale(users, prices, quotas) for users in scale.USERS]
    rows: dict[int, Row] = {}
    more = {"file": str(file.resolve()), "seed": seed, "shorten": shorten}
    # Those that take longest begin first.
    order = sorted(range(len(all_cases)), key=lambda number: -all_cases[number].size)
    with workers(module=worker.__name__) as ask, ThreadPoolExecutor() as pool:

        def run(number: int) -> None:
            answer = ask({"case": asdict(all_cases[number]), **more})
            rows[number] = Row.of(answer)
            watch(len(rows), len(all_cases))

        for each in [pool.submit(run, number) for number in order]:
            each.result()
    found = [rows[number] for number in range(len(all_cases))]
    return Report(
        given,
        seed,
        changed,
        [row for row in found if row.case.kind == "quiet"],
        [row for row in found if row.case.kind == "hot"],
        scales,
        datetime.now(UTC).date().isoformat(),
    )


def tables(report: Report) -> list[Table]:
    return [_quiet(report), _hot(report), _scales(report), _walls(report)]


def ms(value: float) -> str:
    return f"{value:,.0f}"


def _quiet(report: Report) -> Table:
    head = ("members", "design", "clients", *TIMES, "a million")
    rows = [
        (f"{row.case.size:,}", *_who(report, row), *_spreads(row), usd(row.total_usd))
        for row in report.quiet
    ]
    return Table("Quiet rooms: milliseconds, and dollars for a million messages", head, rows, 3)


def _hot(report: Report) -> Table:
    head = ("sent/s", "design", "clients", *TIMES, "delivered /s", "out of order")
    rows = [
        (
            f"{row.case.size:,}",
            *_who(report, row),
            *_spreads(row),
            f"{row.per_s:,.0f}" if row.per_s >= 10 else f"{row.per_s:.1f}",
            f"{row.misordered:.0%}",
        )
        for row in report.hot
    ]
    title = f"One hot room of {HOT_MEMBERS} members, who all write: milliseconds"
    return Table(title, head, rows, 3)


def _who(report: Report, row: Row) -> tuple[str, str]:
    """The design and the clients, with what went wrong."""
    clients = "any" if row.case.clients == NAIVE else row.case.clients
    failed = sum(row.refused.values()) / row.messages
    due = row.receive.count + row.missing
    reached = f", reaches {row.receive.count / due:.0%}" if row.missing and due else ""
    return report.design(row), f"{clients}: {failed:.0%} fail{reached}" if failed else clients


def _spreads(row: Row) -> Iterator[str]:
    for each in (row.ack, row.receive):
        values = (each.p50_ms, each.p99_ms, each.max_ms)
        yield from (ms(value) if each.count else "–" for value in values)


def _scales(report: Report) -> Table:
    head = ("daily users", "connections", "first wall", "quotas to raise", "a month")
    rows = []
    for each in report.scales:
        first = each.walls[0]
        raised = [f"{wall.quota.what} ×{wall.times:.1f}" for wall in each.to_raise]
        rows.append(
            (
                f"{each.users:,}",
                f"{each.connections:,.0f}",
                f"{first.quota.what}: {first.times:.0%} used",
                ", ".join(raised) or "none",
                usd(each.usd),
            )
        )
    return Table("Scale: one region, at its busiest minutes", head, rows, 4)


def _walls(report: Report) -> Table:
    columns = [f"{each.users:,} users" for each in report.scales]
    rows = []
    for wall in report.scales[0].walls:
        needs = [
            next(one for one in each.walls if one.quota == wall.quota) for each in report.scales
        ]
        rows.append(
            (
                wall.quota.what,
                wall.quota.raised_by,
                f"{wall.quota.limit:,.0f}",
                *(f"{one.demand:,.0f}" for one in needs),
                f"{wall.at_users:,}",
            )
        )
    head = ("quota", "raised by", "by default", *columns, "reached by users")
    return Table("Quotas and demand", head, rows, 2)


def _scale_data(each: scale.Scale) -> dict[str, Any]:
    walls = [
        {
            "quota": wall.quota.what,
            "limit": wall.quota.limit,
            "demand": round(wall.demand, 1),
            "reached_at_users": wall.at_users,
        }
        for wall in each.walls
    ]
    return {
        "users": each.users,
        "connections": round(each.connections),
        "usd_a_month": round(each.usd, 2),
        "first_wall": each.walls[0].quota.what,
        "to_raise": [wall.quota.what for wall in each.to_raise],
        "walls": walls,
    }
