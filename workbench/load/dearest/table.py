"""The tables of docs/reference/dearest.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from operate.cost import Price
from operate.cost.markdown import usd

from .actions import ACTIONS
from .connections import CONNECTIONS
from .consents import CONSENTS
from .exceptions import MOST_READS, MOST_WRITES, WHY
from .kinds import Kind, Who
from .price import ratio
from .region import Measured
from .routes import ROUTES

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "dearest.md"
BEGIN = "<!-- dearest: written by `python -m workbench.load.dearest --write` -->"
END = "<!-- dearest: end -->"
KINDS: Sequence[Kind] = (*ACTIONS.all, *ROUTES.all, *CONSENTS.all, *CONNECTIONS.all)

_TITLES: Mapping[Who, str] = {
    "user": "One user",
    "stranger": "One stranger",
    "operator": "Back ends and operators",
}
_HEAD = (
    "request",
    "dearest",
    "invocations",
    "Redis trips",
    "units read / written",
    "SQS requests",
    "posts",
    "waits",
    "$ a million",
    "paid with",
    "an hour",
    "**$ an hour**",
)


def row(kind: Kind, measured: Measured, prices: Mapping[str, Price]) -> str:
    """A kind's row."""
    found = ratio(kind, measured, prices)
    waits_s = measured.sum("held_ms") / 1000
    cells = (
        kind.name,
        kind.worst,
        f"{len(measured.invocations)}",
        f"{measured.total('redis'):,.0f}",
        f"{measured.total('reads'):,.0f} / {measured.total('writes'):,.0f}",
        f"{_requests(measured):,.0f}",
        f"{measured.sum('posts'):,}",
        f"{waits_s:.1f} s" if waits_s else "",
        usd(found.usd),
        found.payer,
        f"{found.hourly:,.0f}",
        f"**{usd(found.hourly_usd)}**",
    )
    return f"| {' | '.join(cells)} |"


def block(rows: Mapping[str, Sequence[str]]) -> str:
    """All tables with their marks.

    Args:
        rows: By who makes the requests.
    """
    parts = [BEGIN]
    for who, title in _TITLES.items():
        head = [f"| {' | '.join(_HEAD)} |", "|---|---" + "|---:" * 7 + "|---|---:|---:|"]
        parts += ["", f"### {title}", "", *head, *rows[who]]
    parts += ["", f"### Over {MOST_READS} units read or {MOST_WRITES} written", ""]
    parts += ["| request | why |", "|---|---|"]
    parts += [f"| {name} | {why} |" for name, why in WHY.items()]
    return "\n".join([*parts, "", END])


def exceeds(measured: Measured) -> bool:
    """Whether a request is over what one may read or write without a reason."""
    return measured.total("reads") > MOST_READS or measured.total("writes") > MOST_WRITES


def _requests(measured: Measured) -> float:
    """Requests to queues: each that sends is one to receive and delete."""
    return 3 * (measured.total("fifo") + measured.total("standard")) + measured.total("deletes")
