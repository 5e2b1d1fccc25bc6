"""metrics.md: the functions' metrics, and the alarms of terraform/modules/monitoring."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from .markdown import code, codes, table
from .sections import Makers

_MODULE = Path(__file__).resolve().parents[2] / "terraform" / "modules" / "monitoring"
_ALARM = re.compile(
    r'^ +(?:for (?:\w+, )?(?P<each>\w+) in [^\n]+? : )?"(?P<name>[a-z0-9-]+)(?:\$\{.+?\})?"'
    r" =>? \{\n(?P<body>.*?)^ +\}$",
    re.MULTILINE | re.DOTALL,
)
_OWN = re.compile(r'local\.own\["(\w+)"\]')
_OTHERS = re.compile(r'namespace = "AWS/\w+", name = "(\w+)"')
_NAMES = re.compile(r"for name in \[([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm in alarms.tf.

    Attributes:
        name: Its name; what it is repeated for is in angle brackets.
        metrics: The names of its metrics, Tidings' and AWS's.
    """

    name: str
    metrics: tuple[str, ...]
    statistic: str
    threshold: str
    section: str


def alarms() -> list[Alarm]:
    """All alarms, in the order of the file."""
    text = (_MODULE / "alarms.tf").read_text()
    return [
        _alarm(match["name"] + (f"<{match['each']}>" if match["each"] else ""), match["body"])
        for match in _ALARM.finditer(text)
    ]


def metrics() -> str:
    """Tidings' own metrics, in a table."""
    watched: dict[str, list[str]] = {}
    for alarm in alarms():
        for name in alarm.metrics:
            watched.setdefault(name, []).append(alarm.name)
    rows = [
        (
            code(name),
            each["unit"],
            "yes" if each.get("by_region") else "no",
            each["meaning"],
            codes(watched.get(name, [])) or "none",
        )
        for name, each in json.loads((_MODULE / "metrics.json").read_text()).items()
    ]
    return table(["metric", "unit", "dimension `Region`", "meaning", "alarm"], rows)


def watched() -> str:
    """All alarms, with the section of the operations guide that says what to do."""
    defaults = thresholds()
    rows = [
        (
            code(alarm.name),
            codes(alarm.metrics),
            alarm.statistic,
            alarm.threshold if alarm.threshold.isdigit() else defaults[alarm.threshold],
            f"[{alarm.section}](../how-to/operate.md#{alarm.section})",
        )
        for alarm in alarms()
    ]
    return table(["alarm", "watches", "statistic", "threshold", "what to do"], rows)


def thresholds() -> dict[str, str]:
    """The default thresholds by name."""
    text = (_MODULE / "main.tf").read_text()
    block = text[text.index("default_thresholds = {") :]
    return dict(re.findall(r"^    (\w+) += (\d+)$", block[: block.index("}")], re.MULTILINE))


def _alarm(name: str, body: str) -> Alarm:
    found = dict(re.findall(r"^ +(statistic|threshold|section) += (.+)$", body, re.MULTILINE))
    looped = _NAMES.search(body)
    others = re.findall(r'"(\w+)"', looped[1]) if looped else _OTHERS.findall(body)
    names = dict.fromkeys([*_OWN.findall(body), *others])
    threshold = found["threshold"].split("local.thresholds.")[-1].strip()
    return Alarm(
        name=name,
        metrics=tuple(names),
        statistic=found["statistic"].strip('"'),
        threshold=threshold,
        section=found["section"].strip('"'),
    )


SECTIONS: Makers = {"metrics": metrics, "alarms": watched}
