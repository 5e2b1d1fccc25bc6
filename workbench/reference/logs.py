"""logs.md: the lines that the functions write beside those of invocations, from their calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .markdown import code, codes, table
from .sections import Makers

_SHIPPED = Path(__file__).resolve().parents[2] / "chalicelib"
# Of `chalicelib.kernel.telemetry`; what each adds to the fields that are named.
_DESCRIBED = ("error", "place")


@dataclass(slots=True)
class Event:
    """An event that code names.

    Attributes:
        levels: Of its lines; "" where it is noted as what an invocation did.
        fields: The names of its fields.
        modules: Where it is written.
    """

    levels: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)


def found() -> dict[str, Event]:
    """All events whose name stands in the code, by name."""
    events: dict[str, Event] = {}
    for path in sorted(_SHIPPED.rglob("*.py")):
        module = path.relative_to(_SHIPPED).with_suffix("").as_posix()
        for level, names, fields in _calls(ast.parse(path.read_text())):
            for name in names:
                event = events.setdefault(name, Event())
                event.levels.add(level)
                event.fields |= fields
                event.modules.add(module)
    return dict(sorted(events.items()))


def _calls(tree: ast.AST) -> Iterator[tuple[str, list[str], set[str]]]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        owner = call.func.value
        if not isinstance(owner, ast.Name) or owner.id != "telemetry":
            continue
        fields = {each.arg for each in call.keywords if each.arg is not None}
        if call.func.attr == "log":
            yield _texts(call.args[0])[0], _texts(call.args[1]), fields
        elif call.func.attr == "error":
            yield "ERROR", _texts(call.args[0]), fields | set(_DESCRIBED)
        elif call.func.attr == "note":
            yield "", _texts(call.args[0]), fields


def _texts(node: ast.expr) -> list[str]:
    """The literal texts of an argument, such as both of a conditional expression."""
    return [
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


def events() -> str:
    """The lines of their own, in a table."""
    rows = [
        (
            code(name),
            codes(sorted(event.levels - {""})),
            codes(sorted(event.fields)) or "none",
            codes(sorted(event.modules)),
        )
        for name, event in found().items()
        if event.levels - {""}
    ]
    return table(["event", "level", "fields of its own", "module"], rows)


SECTIONS: Makers = {"events": events}
