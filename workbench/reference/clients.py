"""client-js.md and client-python.md: the declarations of the clients' packages."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from .sections import Makers

_JAVASCRIPT = Path(__file__).resolve().parents[2] / "clients/js"
_EXPORT = re.compile(r"^export (?:class|const|function|interface|type) (\w+)", re.MULTILINE)
_DECLARATIONS = re.compile(r"\n\n(?=/\*\*|export|import)")
_LONGEST = 100  # characters of a line
_INTERNAL = {"emit", "event", "opened", "restore", "ended"}  # what a connection calls


def exports(entry: str) -> list[str]:
    """The names that the types of an entry declare, in order."""
    return _EXPORT.findall((_JAVASCRIPT / f"{entry}.d.ts").read_text())


def declaration(entry: str, name: str) -> str:
    """A declaration in the types of an entry, with its comment."""
    text = (_JAVASCRIPT / f"{entry}.d.ts").read_text()
    for part in _DECLARATIONS.split(text):
        if re.search(rf"^export \w+ {name}\b", part, re.MULTILINE):
            return part.strip()
    raise ValueError(f"{entry}.d.ts has no {name}")


def typescript(entry: str, *names: str) -> str:
    blocks = "\n\n".join(declaration(entry, name) for name in names)
    return f"```ts\n{blocks}\n```"


def members(owner: type) -> list[str]:
    """The public members of a class, in order."""
    names = [name for name in vars(owner) if not name.startswith("_")]
    return [name for name in names if name not in _INTERNAL]


def python(path: str) -> str:
    """A class: how it is made, and its members, as their docstrings have it."""
    module, _, name = path.rpartition(".")
    owner = getattr(importlib.import_module(module), name)
    parts = [f"class {name}{_parameters(owner)}:", _quoted(owner)]
    for member in members(owner):
        parts += ["", *_member(member, vars(owner)[member])]
    return "\n".join(["```python", *(part for part in parts if part is not None), "```"])


def _member(name: str, value: object) -> Iterator[str | None]:
    if isinstance(value, property):
        yield f"    {name}: {ast.unparse(_parsed(value.fget).returns or ast.Constant(None))}"
        yield _quoted(value, "    ")
    elif inspect.isfunction(value):
        found = _parsed(value)
        word = "async def" if isinstance(found, ast.AsyncFunctionDef) else "def"
        returns = f" -> {ast.unparse(found.returns)}" if found.returns else ""
        yield _wrapped(f"    {word} {name}(", found.args, f"){returns}")
        yield _quoted(value, "    ")


def _parameters(owner: type) -> str:
    if dataclasses.is_dataclass(owner):
        return str(inspect.signature(owner)).replace(" -> None", "").replace("'", "")
    return _wrapped("(", _parsed(vars(owner)["__init__"]).args, ")")


def _parsed(function: object) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """A function's source, with its decorators."""
    assert inspect.isfunction(function)
    [found] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef)
    return found


def _wrapped(begin: str, arguments: ast.arguments, end: str) -> str:
    """A signature without `self`, one parameter on each line if it is long."""
    del arguments.args[0]
    texts = list(_texts(arguments))
    line = f"{begin}{', '.join(texts)}{end}"
    if len(line) <= _LONGEST:
        return line
    indent = begin[: len(begin) - len(begin.lstrip())]
    lines = [f"{indent}    {text}," for text in texts]
    return "\n".join([begin, *lines, f"{indent}{end}"])


def _texts(arguments: ast.arguments) -> Iterator[str]:
    """The parameters as texts."""
    required = len(arguments.args) - len(arguments.defaults)
    defaults = [*(None for _ in range(required)), *arguments.defaults]
    yield from map(_text, arguments.args, defaults)
    if arguments.kwonlyargs:
        yield "*"
        yield from map(_text, arguments.kwonlyargs, arguments.kw_defaults)


def _text(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def _quoted(of: object, indent: str = "") -> str | None:
    text = inspect.getdoc(of)
    if not text:
        return None
    lines = [f"{indent}    {line}".rstrip() for line in text.splitlines()]
    return "\n".join(lines)


SECTIONS: Makers = {"typescript": typescript, "python": python}
