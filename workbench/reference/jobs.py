"""jobs.md: the kinds of jobs, and the queues of terraform/resources.json."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from chalicelib.entrypoints import workers
from chalicelib.jobs import JOBS, Job
from chalicelib.kernel import ids

from . import docstrings, models
from .markdown import amount, code, codes, table
from .sections import Makers
from .tables import load

_ROOT = Path(__file__).resolve().parents[2]
_DEFAULT_RETENTION_S = 4 * 86_400  # SQS's default

# By trigger, which is also the function's name: its table of workers.
TRIGGERS: Mapping[str, Mapping[type[Job], workers.Worker]] = {
    "deliver": workers.DELIVER,
    "outbound": workers.OUTBOUND,
    "relay": workers.RELAY,
}


def jobs() -> str:
    """All kinds in a table."""
    rows = [
        (
            f"[`{kind}`](#{kind})",
            code(each.queue),
            codes(handled_by(each)),
            codes(sent_by(each)),
            docstrings.summary_of(each),
        )
        for kind, each in JOBS.items()
    ]
    return table(["kind", "queue", "handled by", "sent by", "what it does"], rows)


def job(kind: str) -> str:
    """One kind: class, order group, deduplication, delay, fields."""
    each = JOBS[kind]
    parts = [f"{docstrings.text_of(each)} Class `{each.__name__}`."]
    named = [(name, _computed(each, name)) for name in ("group", "dedupe")]
    told = [f"*{name}*: {text}." for name, text in named if text]
    if told:
        parts.append(" ".join(told))
    fields = [f for f in models.fields_of_class(each) if f.name not in _not_sent(each)]
    rows = [(code(f.name), f.type, f.meaning) for f in fields]
    parts.append(table(["field", "type", "meaning"], rows) if rows else "Fields: none.")
    return "\n\n".join(parts)


def handled_by(kind: type[Job]) -> list[str]:
    """The functions that handle jobs of this kind."""
    return [name for name, table_ in TRIGGERS.items() if kind in table_]


def sent_by(kind: type[Job]) -> list[str]:
    """The modules that create jobs of this kind."""
    return sorted(_made().get(kind.__name__, ()))


def queues() -> str:
    rows = []
    for name, each in load()["queues"].items():
        tried, kept_s = each.get("max_receive_count"), each.get("retention_s", _DEFAULT_RETENTION_S)
        rows.append(
            (
                code(name),
                "FIFO" if each["fifo"] else "standard",
                f"{tried} times" if tried else "never",
                code(each["dead_letter"]) if "dead_letter" in each else "none",
                f"{each['visibility_timeout_s']} s",
                _days(kept_s // 86_400),
            )
        )
    headers = ["queue", "type", "attempts", "dead letters", "visibility timeout", "kept for"]
    return table(headers, rows)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{amount(count)} days"


@cache
def _made() -> Mapping[str, set[str]]:
    """By class of job, the modules of chalicelib that create it."""
    names = {each.__name__ for each in JOBS.values()}
    found: dict[str, set[str]] = {}
    for path in sorted((_ROOT / "chalicelib").rglob("*.py")):
        module = ".".join(path.relative_to(_ROOT / "chalicelib").with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition(".")[2]
                if name in names:
                    found.setdefault(name, set()).add(module)
    return found


def _computed(kind: type[Job], name: str) -> str:
    """What a property of a job returns, in words; "" if the base class's None applies."""
    owner = next(base for base in kind.__mro__ if name in vars(base))
    if owner is Job:
        return ""
    source = inspect.getsource(vars(owner)[name].fget)
    found = list(_returns(ast.parse(textwrap.dedent(source))))
    return " or ".join(reversed(found))


def _returns(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None:
            yield _in_words(node.value)


def _in_words(value: ast.expr) -> str:
    """An id as a template: `{entry.room_id}#{part}`."""
    match value:
        case ast.JoinedStr():
            return code(ast.unparse(value)[2:-1].replace("self.", ""))
        case ast.Subscript(text):
            return f"the end of {_in_words(text)}"
        case ast.Call(ast.Attribute(ast.Name("ids"), helper), [argument]):
            prefix, _, of_x = str(getattr(ids, helper)("x")).partition("#")
            name = _plain(argument)
            return code(f"{prefix}#{{{name if of_x == 'x' else f'digest of {name}'}}}")
        case ast.Call():
            return "a digest of what follows from the fields"
    return code(f"{{{_plain(value)}}}")


def _plain(value: ast.expr) -> str:
    return ast.unparse(value).replace("self.", "")


def _not_sent(kind: type[Job]) -> set[str]:
    return {each.name for each in dataclasses.fields(kind) if "not_sent" in each.metadata}


SECTIONS: Makers = {"jobs": jobs, "job": job, "queues": queues}
