"""The types of Terraform's variables, read from a module's variables.tf.

Terraform drops attributes that an object's type does not name, without a word: a misspelt name has
the default's effect. So `tidings settings check` compares what was given with these types.
https://developer.hashicorp.com/terraform/language/expressions/type-constraints
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_TYPE = re.compile(r"^  type\s*=\s*", re.MULTILINE)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\w.-]+|[^\s\w]')
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|(?:#|//)[^\n]*')
_OPENS, _CLOSES = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Type:
    """A type constraint.

    Attributes:
        kind: `string`, `number`, `bool`, `any`, `list`, `set`, `map` or `object`.
        of: The type of the elements of a list, set or map.
        attributes: Those of an object.
    """

    kind: str
    of: Type | None = None
    attributes: Mapping[str, Type] = field(default_factory=dict)


def variables(path: Path) -> dict[str, Type]:
    """The types of the variables in a file, by name."""
    found = {}
    for name, body in _VARIABLE.findall(path.read_text()):
        start = _TYPE.search(body)
        found[name] = parse(body[start.end() :]) if start else Type("any")
    return found


def parse(text: str) -> Type:
    """The type at the beginning of a text."""
    return _Parser(text).type()


def faults(kind: Type, value: Any, name: str) -> Iterator[tuple[str, Any, str]]:
    """What in a value its type does not allow: where, the value there, and what is allowed."""
    if value is None or kind.kind == "any":
        return
    if kind.kind == "object":
        yield from _of_object(kind, value, name)
    elif kind.kind == "map":
        yield from _of_map(kind, value, name)
    elif kind.kind in ("list", "set"):
        if not isinstance(value, list):
            yield name, value, "must be a list"
            return
        for index, each in enumerate(value):
            yield from faults(kind.of or Type("any"), each, f"{name}[{index}]")
    elif not _converts(kind.kind, value):
        yield name, value, f"must be a {kind.kind}"


def _of_object(kind: Type, value: Any, name: str) -> Iterator[tuple[str, Any, str]]:
    if not isinstance(value, dict):
        yield name, value, f"must be an object with {', '.join(kind.attributes)}"
        return
    for key, each in value.items():
        if key in kind.attributes:
            yield from faults(kind.attributes[key], each, f"{name}.{key}")
        else:
            yield f"{name}.{key}", each, f"unknown name: use {', '.join(kind.attributes)}"


def _of_map(kind: Type, value: Any, name: str) -> Iterator[tuple[str, Any, str]]:
    if not isinstance(value, dict):
        yield name, value, "must be a map"
        return
    for key, each in value.items():
        yield from faults(kind.of or Type("any"), each, f"{name}.{key}")


def _converts(kind: str, value: Any) -> bool:
    """Whether Terraform converts a value to this primitive type."""
    if kind == "string":
        return isinstance(value, str | int | float)
    if kind == "bool":
        return isinstance(value, bool) or value in ("true", "false")
    if isinstance(value, str):
        return re.fullmatch(r"-?[0-9]+([.][0-9]+)?", value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = iter(_TOKEN.findall(_COMMENT.sub(r"\1", text)))
        self._next = next(self._tokens, "")

    def type(self) -> Type:
        kind = self._take()
        if self._next != "(":
            return Type(kind)
        self._take("(")
        if kind == "object":
            attributes = self._attributes()
            self._take(")")
            return Type(kind, attributes=attributes)
        of = self.type()
        if kind == "optional":
            self._skip_default()
        self._take(")")
        return of if kind == "optional" else Type(kind, of)

    def _attributes(self) -> dict[str, Type]:
        found = {}
        self._take("{")
        while self._next != "}":
            name = self._take()
            self._take("=")
            found[name] = self.type()
            if self._next == ",":
                self._take(",")
        self._take("}")
        return found

    def _skip_default(self) -> None:
        depth = 0
        while depth or self._next != ")":
            depth += (self._next in _OPENS) - (self._next in _CLOSES)
            self._take()

    def _take(self, expected: str = "") -> str:
        token, self._next = self._next, next(self._tokens, "")
        if not token or (expected and token != expected):
            raise ValueError(f"not a type that is understood: {token or 'its end'}")
        return token
