"""A drill's result as one HTML file: no script, nothing loaded from elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from .charts import Window, binned, chart
from .checker import Kind, Verdict
from .timelines import Timelines

_MOST_FAULTS = 50
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5b646d; --page: #fff; --edge: #d9dee3;
  --good: #1a7f4b; --bad: #c62f2f; --fault: #f3b54a44; --fault-edge: #b7791f;
  --s0: #1f6feb; --s1: #c2410c; --s2: #6d8f00; --s3: #8a3ffc; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4ae; --page: #14171a;
  --edge: #333a41; --good: #4cc38a; --bad: #ff6b6b; --fault: #f3b54a2e; --fault-edge: #d9a441;
  --s0: #6cb0ff; --s1: #ff9a62; --s2: #b5d334; --s3: #c4a1ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 20px 60px; max-width: 960px; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 30px 0 8px; }
p { margin: 4px 0; } .soft { color: var(--soft); }
.held, .broken { font-weight: 600; } .held { color: var(--good); } .broken { color: var(--bad); }
pre { margin: 10px 0; padding: 10px 12px; border: 1px solid var(--edge); border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.45 ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--edge); text-align: left;
  vertical-align: top; } th { font-weight: 600; } td.number, th.number { text-align: right; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr));
  gap: 0 36px; align-items: start; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 4px 0; }
.legend span::before { content: ""; display: inline-block; width: 14px; height: 3px;
  margin: 0 6px 4px 0; background: var(--colour); }
.legend .window::before { height: 12px; margin-bottom: -1px; background: var(--fault);
  border: 1px solid var(--fault-edge); }
.charts { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 620px; height: auto; margin: 6px 0; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
svg .title { fill: var(--ink); font-weight: 600; font-size: 12px; }
svg .tick { text-anchor: end; } svg .time { text-anchor: middle; }
.grid { stroke: var(--edge); fill: none; } .fault { fill: var(--fault); }
.edge { stroke: var(--fault-edge); fill: none; stroke-dasharray: 3 3; }
.line { fill: none; stroke-width: 1.6; stroke: var(--colour); }
.s0 { --colour: var(--s0); } .s1 { --colour: var(--s1); } .s2 { --colour: var(--s2); }
.s3 { --colour: var(--s3); }
@media print { body { max-width: none; } h2, svg { break-inside: avoid; } }
"""

Rows = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a report tells.

    Attributes:
        command: The command that repeats the drill, with its seed.
        facts: What was drilled: regions, clients and their kinds, seconds.
        times: Figures by name; those that end with `_s` are seconds. None is shown as a dash.
        promises: What the scenario has checked itself, and whether it held.
        differing: Number of rooms whose logs differ between regions.
        window: When the faults lasted.
        tables: Further tables by their titles; the first row is the head.
    """

    title: str
    says: str
    command: str
    ok: bool
    verdict: Verdict
    facts: Rows
    times: Mapping[str, float | None]
    course: Timelines
    window: Window | None = None
    promises: Mapping[str, bool] = field(default_factory=dict)
    differing: int = 0
    tables: Mapping[str, Sequence[Sequence[object]]] = field(default_factory=dict)


def page(sheet: Sheet) -> str:
    """The whole file."""
    title = escape(sheet.title)
    body = "\n".join(_body(sheet))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Drill: {title}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _body(sheet: Sheet) -> Iterator[str]:
    verdict = sheet.verdict
    word = "held" if sheet.ok else "broken"
    numbers = ", ".join(f"{verdict.of(kind)} {kind}" for kind in Kind)
    yield f"<h1>Drill: {escape(sheet.title)}</h1>"
    yield f'<p class="soft">{escape(sheet.says)}</p>'
    yield f'<p><span class="{word}">{word}</span>: {numbers}, {verdict.counts.failed} not acked</p>'
    yield f"<pre>{escape(sheet.command)}</pre>"
    yield "<h2>Course</h2>"
    yield _legend(list(sheet.course.connected), sheet.window)
    yield '<div class="charts">'
    yield from _charts(sheet)
    yield "</div>"
    yield "<h2>Verdicts</h2>"
    yield _verdicts(sheet)
    yield '<div class="columns"><div>\n<h2>Times and figures</h2>'
    yield _table({_words(name): _value(name, each) for name, each in sheet.times.items()})
    yield "</div><div>\n<h2>Drilled</h2>"
    yield _table(sheet.facts)
    yield "<h2>Counts</h2>"
    counts = verdict.counts
    names = [name for name in counts.__slots__ if name != "cuts"]
    yield _table({_words(name): getattr(counts, name) for name in names})
    yield "</div></div>"
    for title, rows in sheet.tables.items():
        yield f"<h2>{escape(title)}</h2>"
        yield _wide(rows)
    if verdict.faults:
        yield "<h2>Faults</h2>"
        yield _faults(sheet)


def _charts(sheet: Sheet) -> Iterator[str]:
    course = sheet.course
    yield chart("Connected clients", course.connected, course.end_s, sheet.window)
    for name, regions in course.rates.items():
        series = {region: binned(values, course.bin_s) for region, values in regions.items()}
        yield chart(f"{name.capitalize()}, a second", series, course.end_s, sheet.window)


def _legend(regions: Sequence[str], window: Window | None) -> str:
    names = [f'<span class="s{n}">{escape(name)}</span>' for n, name in enumerate(regions)]
    if window:
        lasted = f"faults, from {window.begin_s:.1f} to {window.end_s:.1f} s"
        names.append(f'<span class="window">{lasted}</span>')
    return f'<div class="legend">{"".join(names)}</div>'


def _verdicts(sheet: Sheet) -> str:
    held = {
        "Nothing that was acked is lost": not sheet.verdict.of(Kind.LOST),
        "Nothing is doubled": not sheet.verdict.of(Kind.DOUBLED),
        "Everybody saw the log's order": not sheet.verdict.of(Kind.MISORDERED),
        "Nothing is made up": not sheet.verdict.of(Kind.MADE_UP),
        "Every send was acked": not sheet.verdict.counts.failed,
        "The logs of all regions are the same": not sheet.differing,
        **{name[0].upper() + name[1:]: held for name, held in sheet.promises.items()},
    }
    rows = (
        f'<tr><td>{escape(name)}</td><td class="number">'
        f'<span class="{"held" if good else "broken"}">{"yes" if good else "no"}</span></td></tr>'
        for name, good in held.items()
    )
    return f"<table>{''.join(rows)}</table>"


def _table(rows: Rows) -> str:
    lines = (
        f'<tr><td>{escape(name)}</td><td class="number">{escape(str(value))}</td></tr>'
        for name, value in rows.items()
    )
    return f"<table>{''.join(lines)}</table>"


def _wide(rows: Sequence[Sequence[object]]) -> str:
    head, *lines = ("".join(f"<td>{escape(str(each))}</td>" for each in row) for row in rows)
    head = head.replace("td>", "th>")
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _faults(sheet: Sheet) -> str:
    found = sheet.verdict.faults
    rows = (
        f"<tr><td>{escape(str(each.kind))}</td><td>{escape(each.client or 'the log')}</td>"
        f"<td>{escape(each.room)} {escape(each.message_id)}</td><td>{escape(each.why)}</td></tr>"
        for each in found[:_MOST_FAULTS]
    )
    more = len(found) - _MOST_FAULTS
    rest = f'<p class="soft">… and {more} more</p>' if more > 0 else ""
    head = "<tr><th>fault</th><th>client</th><th>room and message</th><th>why</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>{rest}"


def _words(name: str) -> str:
    if not name.endswith("_per_s"):
        name = name.removesuffix("_s")
    return name.replace("_per_s", " a second").replace("_", " ")


def _value(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name.endswith("_s") and not name.endswith("_per_s"):
        return f"{value:.2f} s"
    return f"{value:g}"
