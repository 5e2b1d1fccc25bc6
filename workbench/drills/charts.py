"""Charts over time as SVG, drawn in the colours of the page that they are put into. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 880, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 22, 22
_MOST_TICKS = 10
_STEPS, _HALVES = (1, 2, 5), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which the faults lasted, shaded in every chart."""

    begin_s: float
    end_s: float


def chart(
    title: str, series: Mapping[str, Points], end_s: float, window: Window | None = None
) -> str:
    """A chart of steps: each point's value holds until the next one, the last one to the end.

    Args:
        series: (seconds, value) of each line, by name; the n-th has the CSS class `s{n}`.
    """
    most = max((value for points in series.values() for _, value in points), default=0) or 1
    scale = _Scale(end_s, _ceiling(most))
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        f'<text class="title" x="{_LEFT}" y="13">{escape(title)}</text>',
        *(_shade(scale, window) if window else ()),
        *_axes(scale),
        *(
            f'<path class="line s{number}" d="{_path(scale, points)}">'
            f"<title>{escape(name)}</title></path>"
            for number, (name, points) in enumerate(series.items())
        ),
        "</svg>",
    ]
    return "\n".join(parts)


def binned(values: Sequence[float], width: float) -> Points:
    """The points of values that each hold for a bin of this width."""
    return [(number * width, value) for number, value in enumerate(values)]


@dataclass(frozen=True, slots=True)
class _Scale:
    end_s: float
    most: float

    def x(self, at_s: float) -> float:
        inside = _WIDTH - _LEFT - _RIGHT
        return round(_LEFT + inside * min(at_s, self.end_s) / self.end_s, 1)

    def y(self, value: float) -> float:
        inside = _HEIGHT - _TOP - _BOTTOM
        return round(_HEIGHT - _BOTTOM - inside * value / self.most, 1)


def _path(scale: _Scale, points: Points) -> str:
    steps = [f"M{scale.x(points[0][0])} {scale.y(points[0][1])}"] if points else []
    last = None
    for at_s, value in points[1:]:
        if value != last:
            steps.append(f"H{scale.x(at_s)}V{scale.y(value)}")
            last = value
    return "".join([*steps, f"H{scale.x(scale.end_s)}"]) if steps else ""


def _axes(scale: _Scale) -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    found = []
    for value in (0.0, scale.most / 2, scale.most):
        y = scale.y(value)
        found.append(f'<path class="grid" d="M{_LEFT} {y}H{right}"/>')
        found.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4}">{value:g}</text>')
    step = _step(scale.end_s / _MOST_TICKS)
    for number in range(int(scale.end_s / step) + 1):
        x = scale.x(number * step)
        found.append(f'<path class="grid" d="M{x} {bottom}v4"/>')
        label = f"{number * step:g} s" if number else "0"
        found.append(f'<text class="time" x="{x}" y="{bottom + 16}">{label}</text>')
    return found


def _shade(scale: _Scale, window: Window) -> list[str]:
    x, end = scale.x(window.begin_s), scale.x(window.end_s)
    height = _HEIGHT - _TOP - _BOTTOM
    return [
        f'<rect class="fault" x="{x}" y="{_TOP}" width="{max(1.0, end - x):g}" height="{height}"/>',
        f'<path class="edge" d="M{x} {_TOP}v{height}M{end} {_TOP}v{height}"/>',
    ]


def _ceiling(value: float) -> float:
    """A number that is not below, and whose half is easy to read."""
    return 2 * _step(value / 2, _HALVES)


def _step(least: float, steps: Sequence[float] = _STEPS) -> float:
    """The smallest of these steps, or of them times a power of ten, that is not below."""
    power = 0.1
    while True:
        for step in steps:
            if step * power >= least - 1e-9:
                return round(step * power, 6)
        power *= 10
