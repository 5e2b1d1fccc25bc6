"""Plots as SVG files that stand alone, in light and dark pages: lines on logarithmic axes. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from .report import Report
from .worker import NAIVE, Row

_WIDTH, _HEIGHT = 840, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 260, 40, 46
_COLOURS = ("s0", "s1", "s2", "s3", "s4")
_STYLE = """
svg { --ink: #1c2024; --soft: #5b646d; --page: #ffffff; --edge: #d9dee3; --s0: #1f6feb;
  --s1: #c2410c; --s2: #6d8f00; --s3: #8a3ffc; --s4: #0f8a8a; }
@media (prefers-color-scheme: dark) { svg { --ink: #e6e9ec; --soft: #9aa4ae; --page: #14171a;
  --edge: #333a41; --s0: #6cb0ff; --s1: #ff9a62; --s2: #b5d334; --s3: #c4a1ff; --s4: #5fd3d3; } }
text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.title { fill: var(--ink); font-weight: 600; font-size: 14px; }
.page { fill: var(--page); } .grid { stroke: var(--edge); fill: none; }
.line { fill: none; stroke-width: 2; } .tail { stroke-dasharray: 5 4; }
.end { text-anchor: end; } .mid { text-anchor: middle; }
.s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); }
.s3 { stroke: var(--s3); } .s4 { stroke: var(--s4); }
circle { fill: var(--page); stroke-width: 2; }
"""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its colour's number; `is_tail` draws it dashed."""

    name: str
    points: Points
    colour: int
    is_tail: bool = False


def plots(report: Report) -> Mapping[str, str]:
    """The plots by the names of their files."""
    return {
        "model-rooms.svg": plot(
            "From the frame to the receivers, by the size of the room",
            "members of the room, all connected",
            list(_lines(report, [row for row in report.quiet if row.case.clients != "stock"])),
        ),
        "model-hot-room.svg": plot(
            "From the frame to the receivers of one hot room",
            "messages a second",
            list(_lines(report, report.hot)),
        ),
    }


def plot(title: str, across: str, lines: Sequence[Line]) -> str:
    """A plot of lines of milliseconds, both axes logarithmic; all values are above 0."""
    xs = sorted({x for line in lines for x, _ in line.points})
    ys = [y for line in lines for _, y in line.points]
    scale = _Scale(xs[0], xs[-1], *_decades(ys))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text class="title" x="{_LEFT}" y="22">{escape(title)}</text>',
        *_axes(scale, xs, across),
        *(part for line in lines for part in _drawn(scale, line)),
        *_legend(lines),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _lines(report: Report, rows: Sequence[Row]) -> Iterator[Line]:
    """Of each design and kind of clients, the median and the 99th percentile."""
    by_name: dict[str, list[Row]] = {}
    several = len({row.case.clients for row in rows} - {NAIVE}) > 1
    for row in rows:
        design, clients = report.design(row), row.case.clients
        name = f"{design}, {clients}" if several and clients != NAIVE else design
        if row.receive.count:
            by_name.setdefault(name, []).append(row)
    for colour, (name, some) in enumerate(by_name.items()):
        halves = [(float(row.case.size), row.receive.p50_ms) for row in some]
        tails = [(float(row.case.size), row.receive.p99_ms) for row in some]
        yield Line(name, halves, colour)
        yield Line(name, tails, colour, is_tail=True)


@dataclass(frozen=True, slots=True)
class _Scale:
    least_x: float
    most_x: float
    least_y: float
    most_y: float

    def x(self, value: float) -> float:
        inside = _WIDTH - _LEFT - _RIGHT
        part = math.log(value / self.least_x) / math.log(self.most_x / self.least_x or 1)
        return round(_LEFT + inside * part, 1)

    def y(self, value: float) -> float:
        inside = _HEIGHT - _TOP - _BOTTOM
        part = math.log(value / self.least_y) / math.log(self.most_y / self.least_y)
        return round(_HEIGHT - _BOTTOM - inside * part, 1)


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """The powers of ten around these values; two different ones."""
    low = math.floor(math.log10(min(values)))
    return 10.0**low, 10.0 ** max(low + 1, math.ceil(math.log10(max(values))))


def _axes(scale: _Scale, xs: Sequence[float], across: str) -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    value = scale.least_y
    while value <= scale.most_y * 1.001:
        y = scale.y(value)
        yield f'<path class="grid" d="M{_LEFT} {y}H{right}"/>'
        yield f'<text class="end" x="{_LEFT - 8}" y="{y + 4}">{_time(value)}</text>'
        value *= 10
    for each in xs:
        x = scale.x(each)
        yield f'<path class="grid" d="M{x} {bottom}v5"/>'
        yield f'<text class="mid" x="{x}" y="{bottom + 19}">{each:,g}</text>'
    yield f'<text class="mid" x="{(_LEFT + right) / 2}" y="{_HEIGHT - 8}">{escape(across)}</text>'


def _time(ms: float) -> str:
    return f"{ms:g} ms" if ms < 1000 else f"{ms / 1000:g} s"


def _drawn(scale: _Scale, line: Line) -> Iterator[str]:
    tail = " tail" if line.is_tail else ""
    colour = _COLOURS[line.colour % len(_COLOURS)]
    places = [(scale.x(x), scale.y(y)) for x, y in line.points]
    path = "L".join(f"{x} {y}" for x, y in places)
    which = "p99" if line.is_tail else "p50"
    name = escape(f"{line.name}: {which}")
    yield f'<path class="line {colour}{tail}" d="M{path}"><title>{name}</title></path>'
    for (x, y), (_, value) in zip(places, line.points, strict=True):
        tip = f"<title>{name} {value:,.0f} ms</title>"
        yield f'<circle class="{colour}" cx="{x}" cy="{y}" r="3">{tip}</circle>'


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    x, y = _WIDTH - _RIGHT + 18, _TOP + 6
    shown = dict.fromkeys((line.name, line.colour) for line in lines)
    for number, (name, colour) in enumerate(shown):
        at = y + 20 * number
        yield f'<path class="line {_COLOURS[colour % len(_COLOURS)]}" d="M{x} {at}h22"/>'
        yield f'<text x="{x + 30}" y="{at + 4}">{escape(name)}</text>'
    at = y + 20 * len(shown) + 12
    for number, (name, tail) in enumerate((("p50", ""), ("p99", " tail"))):
        row = at + 20 * number
        yield f'<path class="line{tail}" stroke="var(--soft)" d="M{x} {row}h22"/>'
        yield f'<text x="{x + 30}" y="{row + 4}">{name}</text>'
