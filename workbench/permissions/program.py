"""chalicelib as mypy sees it: the type of every expression, and what `wiring.build` makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mypy import nodes, types
from mypy.build import BuildSource, build
from mypy.options import Options

ROOT = Path(__file__).resolve().parents[2]
TABLE = "chalicelib.adapters.dynamodb.table.Table"

Definition = nodes.FuncDef | nodes.Var

# An adapter: its class and, for a queue, the queue's short name.
Adapter = tuple[str, str]


@dataclass
class Program:
    """The typed program, indexed by full names.

    Attributes:
        types: The type of every expression.
        initial: The first value of each module's variable, as an expression.
        adapters: What `wiring.build` puts into each field of `Adapters`.
        ports: Fields of `Adapters`, by their port.
        tables: Short names of tables by class and attribute of the store that holds them.
    """

    types: dict[nodes.Expression, types.Type]
    classes: dict[str, nodes.TypeInfo] = field(default_factory=dict)
    functions: dict[str, nodes.FuncDef] = field(default_factory=dict)
    initial: dict[str, nodes.Expression] = field(default_factory=dict)
    adapters: dict[str, Adapter] = field(default_factory=dict)
    ports: dict[str, set[str]] = field(default_factory=dict)
    tables: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Program:
        """Type-check chalicelib; raise SystemExit if mypy finds an error."""
        options = Options()
        options.export_types = True
        options.preserve_asts = True
        options.incremental = False
        options.ignore_missing_imports = True
        options.cache_dir = "/dev/null"
        options.mypy_path = [str(ROOT)]
        paths = sorted((ROOT / "chalicelib").rglob("*.py"))
        result = build([BuildSource(str(path), _module(path)) for path in paths], options)
        if result.errors:
            raise SystemExit("\n".join(result.errors))
        program = cls(result.types)
        for name, file in result.files.items():
            if name.partition(".")[0] == "chalicelib":
                program._index(file)
        program._wire()
        return program

    def instances(self, expression: nodes.Expression) -> list[nodes.TypeInfo]:
        """The possible classes of an expression; none if its type is not known."""
        found = types.get_proper_type(self.types.get(expression))
        each = found.items if isinstance(found, types.UnionType) else [found]
        proper = [types.get_proper_type(one) for one in each]
        return [one.type for one in proper if isinstance(one, types.Instance)]

    def kinds_of(self, owner: nodes.TypeInfo) -> list[nodes.TypeInfo]:
        """A class and its subclasses: a method of it may be any of theirs."""
        inherit = [each for each in self.classes.values() if owner in each.mro and each != owner]
        return [owner, *inherit]

    def untyped(self, expression: nodes.Expression) -> bool:
        return isinstance(types.get_proper_type(self.types.get(expression)), types.AnyType)

    def _index(self, file: nodes.MypyFile) -> None:
        for symbol in file.names.values():
            node = symbol.node
            own = isinstance(node, nodes.TypeInfo) and node.module_name == file.fullname
            if isinstance(node, nodes.TypeInfo) and own:
                self.classes[node.fullname] = node
            members = [each.node for each in node.names.values()] if own else [node]  # type: ignore[union-attr]
            for function in (function for member in members for function in functions(member)):
                self.functions[function.fullname] = function
        for statement in file.defs:
            if isinstance(statement, nodes.AssignmentStmt):
                for target in statement.lvalues:
                    if isinstance(target, nodes.NameExpr) and isinstance(target.node, nodes.Var):
                        self.initial[target.node.fullname] = statement.rvalue

    def _wire(self) -> None:
        for name, symbol in self.classes["chalicelib.ports.adapters.Adapters"].names.items():
            kind = types.get_proper_type(symbol.type)
            for base in kind.type.mro if isinstance(kind, types.Instance) else ():
                if is_port(base):  # an adapter may serve several ports
                    self.ports.setdefault(base.fullname, set()).add(name)
        for call in calls(self.functions["chalicelib.wiring.build"]):
            if callee(call) == "chalicelib.ports.adapters.Adapters":
                for field_name, argument in zip(call.arg_names, call.args, strict=True):
                    for made in self.instances(argument):
                        self.adapters[field_name or ""] = (made.fullname, short_name(argument))
        for function in self.functions.values():
            for attribute, value in attributes_set(function):
                if isinstance(value, nodes.CallExpr) and callee(value) == TABLE:
                    self.tables[function.info.fullname, attribute] = short_name(value)


# Attributes of a node that describe it and are not parts of it.
_NOT_PARTS = {
    "analyzed",
    "def_or_infer_vars",
    "def_var",
    "expanded",
    "info",
    "node",
    "original_def",
    "unanalyzed_items",
    "var",
}
_part_names: dict[str, tuple[str, ...]] = {}


def parts(root: nodes.Node) -> Iterator[nodes.Node]:
    """A node and all nodes in it, a node before its parts.

    mypy's own visitors are compiled and cannot be extended.
    """
    yield root
    kind = type(root)
    if kind.__name__ not in _part_names:
        named = {name for base in kind.__mro__ for name in vars(base).get("__mypyc_attrs__", ())}
        _part_names[kind.__name__] = tuple(sorted(named - _NOT_PARTS))
    for name in _part_names[kind.__name__]:
        yield from _parts_of(getattr(root, name, None))


def _parts_of(value: object) -> Iterator[nodes.Node]:
    if isinstance(value, nodes.Node) and not isinstance(value, nodes.Var | nodes.TypeInfo):
        yield from parts(value)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _parts_of(each)


def calls(root: nodes.Node) -> list[nodes.CallExpr]:
    return [part for part in parts(root) if isinstance(part, nodes.CallExpr)]


def members(root: nodes.Node) -> list[nodes.MemberExpr]:
    return [part for part in parts(root) if isinstance(part, nodes.MemberExpr)]


def strings(root: nodes.Node) -> list[str]:
    return [part.value for part in parts(root) if isinstance(part, nodes.StrExpr)]


def functions(node: object) -> list[nodes.FuncDef]:
    """The functions that a definition stands for."""
    if isinstance(node, nodes.FuncDef):
        return [node]
    if isinstance(node, nodes.Decorator):
        return [node.func]
    if isinstance(node, nodes.OverloadedFuncDef):
        return [function for item in node.items for function in functions(item)]
    return []


def attributes_set(function: nodes.FuncDef) -> Iterator[tuple[str, nodes.Expression]]:
    """Its `self.attribute = expression` statements."""
    for statement in parts(function):
        if isinstance(statement, nodes.AssignmentStmt):
            for target in statement.lvalues:
                if isinstance(target, nodes.MemberExpr) and is_self(target.expr):
                    yield target.name, statement.rvalue


def callee(call: nodes.CallExpr) -> str:
    return call.callee.fullname if isinstance(call.callee, nodes.RefExpr) else ""


def short_name(expression: nodes.Expression) -> str:
    """`delivery` for a call whose last argument is f"{prefix}-delivery.fifo"; "" for others."""
    if not isinstance(expression, nodes.CallExpr) or not expression.args:
        return ""
    named = [text for text in strings(expression.args[-1]) if text.startswith("-")]
    return named[-1].removeprefix("-").removesuffix(".fifo") if named else ""


def is_self(expression: nodes.Expression) -> bool:
    return isinstance(expression, nodes.NameExpr) and expression.name == "self"


def is_port(info: nodes.TypeInfo) -> bool:
    return info.module_name.startswith("chalicelib.ports.") and info.is_protocol


def _module(path: Path) -> str:
    names = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)
