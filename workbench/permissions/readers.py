"""Which functions depend on which setting, derived from the code.

A setting is read where the code has `settings.<name>`. In an `__init__`, or in the code that
composes the services, its value is only stored in an attribute: then the methods that use the
attribute read it. `permissions` says which functions reach those methods. The code that composes
the adapters is left out: region, table names and addresses are the same for every function.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from mypy import nodes

from . import program as source
from .derive import Reach
from .program import Program

_SETTINGS = "chalicelib.kernel.settings.Settings"
_COMPOSE = "chalicelib.composition.compose"


def readers(
    program: Program, reached: Mapping[str, Reach], settings: Collection[str]
) -> dict[str, set[str]]:
    """By setting, the functions of app.py that reach a reader of it."""
    within = {function: reach.names() for function, reach in reached.items()}
    read = {name: set(_read_in(program, name)) for name in settings}
    return {
        name: {function for function, names in within.items() if names & where}
        for name, where in read.items()
    }


def _read_in(program: Program, setting: str) -> Iterator[str]:
    """Full names of the functions and methods that use a setting's value."""
    for name, function in program.functions.items():
        if name == _COMPOSE:
            yield from _given_on(program, function, setting)
        elif not name.startswith("chalicelib.wiring.") and _reads(program, function, setting):
            if function.name == "__init__":
                yield from _of_attributes(program, function, setting)
            else:
                yield name


def _given_on(program: Program, compose: nodes.FuncDef, setting: str) -> Iterator[str]:
    """The methods that use the attribute in which a class stores the setting it is given."""
    for call in source.calls(compose):
        made = call.callee.node if isinstance(call.callee, nodes.RefExpr) else None
        if not isinstance(made, nodes.TypeInfo):
            continue
        for function in source.functions(made.get_method("__init__")):
            parameters = [argument.variable.name for argument in function.arguments][1:]
            for number, (name, given) in enumerate(zip(call.arg_names, call.args, strict=True)):
                if _reads(program, given, setting):
                    stored = name or parameters[number]
                    yield from _using(program, function, _attributes(function, stored))


def _of_attributes(program: Program, init: nodes.FuncDef, setting: str) -> Iterator[str]:
    """The methods that use the attributes in which an `__init__` stores the setting."""
    attributes = {
        attribute
        for attribute, value in source.attributes_set(init)
        if _reads(program, value, setting)
    }
    yield from _using(program, init, attributes)


def _attributes(init: nodes.FuncDef, parameter: str) -> set[str]:
    return {
        attribute
        for attribute, value in source.attributes_set(init)
        if any(isinstance(p, nodes.NameExpr) and p.name == parameter for p in source.parts(value))
    }


def _using(program: Program, init: nodes.FuncDef, attributes: set[str]) -> Iterator[str]:
    """The methods of this `__init__`'s class that use one of its attributes."""
    for name, function in program.functions.items():
        if function.info is init.info and function is not init:
            used = {each.name for each in source.members(function) if source.is_self(each.expr)}
            if used & attributes:
                yield name


def _reads(program: Program, node: nodes.Node, setting: str) -> bool:
    return any(
        member.name == setting
        and any(each.fullname == _SETTINGS for each in program.instances(member.expr))
        for member in source.members(node)
    )
