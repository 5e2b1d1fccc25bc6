"""The generated part of docs/reference/model.md: tables, plots, and what went into them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workbench.reference.markdown import table

from . import scale
from .latencies import Latencies, Latency
from .plots import plots
from .report import Report, Table, tables

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "model.md"
IMAGES = ROOT / "docs" / "images"
BEGIN = "<!-- model: written by `tidings model --write` -->"
END = "<!-- model: end -->"
_ALT = {
    "model-rooms.svg": "Milliseconds to the receivers by the number of members, for each design",
    "model-hot-room.svg": "Milliseconds to the receivers of a hot room by messages a second",
}
_UNDER = {0: "model-rooms.svg", 1: "model-hot-room.svg"}


def block(report: Report) -> str:
    """The part between the marks, with them."""
    made = f"Modelled on {report.made_on} with the latencies of {report.latencies.as_of} below"
    parts = [BEGIN, "", f"{made}, seed {report.seed}."]
    for number, each in enumerate(tables(report)):
        parts += ["", f"### {each.title}", "", _markdown(each)]
        if (image := _UNDER.get(number)) is not None:
            parts += ["", f"![{_ALT[image]}](../images/{image})"]
    parts += ["", "### Latencies", "", *_sources(report.latencies), "", *_quotas(), "", END]
    return "\n".join(parts)


def write(report: Report) -> None:
    """Put the part and its plots into the documents."""
    text = PAGE.read_text()
    begin, end = text.index(BEGIN), text.index(END) + len(END)
    PAGE.write_text(text[:begin] + block(report) + text[end:])
    for name, svg in plots(report).items():
        (IMAGES / name).write_text(svg)


def _markdown(given: Table) -> str:
    made = table(given.head, given.rows).splitlines()
    numbers = len(given.head) - given.numbers
    made[1] = "|" + "---|" * given.numbers + "---:|" * numbers
    return "\n".join(made)


def _sources(given: Latencies) -> Iterator[str]:
    rows = [(f"`{name}`", each.what, _quantiles(each), _source(each)) for name, each in
            given.calls.items()]  # fmt: skip
    yield table(("call", "what", "ms", "source"), rows)
    yield ""
    cpu = ", ".join(f"`{name}` {us:g}" for name, us in given.cpu_us.items())
    yield f"CPU, in microseconds of one vCPU: {cpu}. Cold starts: {given.cold_share:.1%}."


def _quantiles(each: Latency) -> str:
    return ", ".join(f"p{part * 100:.0f} {ms:g}" for part, ms in sorted(each.quantiles.items()))


def _source(each: Latency) -> str:
    source = f"[{each.source}]({each.page})" if each.page else each.source
    dated = f"{source}, {each.date}" if each.date else source
    return f"{dated}. {each.note}" if each.note else dated


def _quotas() -> Iterator[str]:
    given = scale.load()
    yield f"Quotas as of {given.as_of}; the busiest minutes have {given.peak:g} times the average:"
    yield ""
    for each in given.quotas:
        name = f"[{each.what}]({each.page})" if each.page else each.what
        yield f"- {name}: {each.note}"
