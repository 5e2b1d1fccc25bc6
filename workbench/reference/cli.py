"""cli.md: every command of `tidings` with its arguments and options, from the program itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from workbench.cli.main import app

from .markdown import code, table
from .sections import Makers

_ROOT = Path(__file__).resolve().parents[2]
_TYPES = {"str": "TEXT", "int": "NUMBER", "float": "NUMBER", "path": "PATH", "file": "FILE"}
_OF_THE_PROGRAM = {"help", "install_completion", "show_completion"}


def commands() -> str:
    """A section for each command, groups with those in them."""
    return "\n\n".join(_section(name, command) for name, command in _all("tidings", _program()))


def _program() -> Any:
    return typer.main.get_command(app)


def _all(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    own = [each for each in command.params if each.name not in {*_OF_THE_PROGRAM, "version"}]
    if own:
        yield f"{name} …", command
    for each in sorted(command.commands):
        yield from _all(f"{name} {each}", command.commands[each])


def _section(name: str, command: Any) -> str:
    given = [each for each in command.params if each.name not in _OF_THE_PROGRAM]
    rows = [(_named(each), _default(each), _said(each)) for each in given]
    words = " ".join(str(command.help or "").split())
    parts = [f"### {name.removeprefix('tidings ')}", words]
    if rows:
        parts.append(table(["argument or option", "default", "meaning"], rows))
    return "\n\n".join(parts)


def _named(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        return code(name if parameter.required else f"[{name}]")
    value = "" if parameter.is_flag else f" {parameter.metavar or _type(parameter)}"
    names = [*parameter.opts, *parameter.secondary_opts]
    return ", ".join(code(f"{each}{value}") for each in names)


def _type(parameter: Any) -> str:
    """A choice as it is, all others by a plain word."""
    shown = str(parameter.display_type(typer.Context(_program()))).strip("<>")
    name = shown.removeprefix("list[").removesuffix("]").removesuffix(" range")
    return _TYPES.get(name, name)


def _default(parameter: Any) -> str:
    value = parameter.default
    if parameter.required:
        return "required"
    if value is None or value in ("", (), False):
        return ""
    if isinstance(value, Path) and value.is_relative_to(_ROOT):
        value = value.relative_to(_ROOT)
    return code("yes" if value is True else value)


def _said(parameter: Any) -> str:
    said = str(getattr(parameter, "help", "") or "")
    variable = getattr(parameter, "envvar", None)
    return f"{said} Also `{variable}`." if variable else said


SECTIONS: Makers = {"commands": commands}
