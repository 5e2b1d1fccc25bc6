"""The AWS permissions of each function, derived from the code that it can reach.

`python -m workbench.permissions.derive` writes terraform/modules/app/permissions.json, which
Terraform turns into one role per function; a test derives it again and compares.

mypy gives every expression its type, so a reference to a method leads to the class that has it,
and through the ports to the adapters that `wiring.build` makes. Starting from the functions that
app.py names, every reference counts as a call. In an adapter, an attribute of an untyped client
that is one of boto's operations is an AWS call. Code that is reachable only in theory counts, too;
a call beyond the derived permissions fails the end-to-end tests (tests/support/iam.py).
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.session import get_session
from mypy import nodes

from chalicelib.entrypoints import MODULES

from . import program as source
from .program import ROOT, Adapter, Definition, Program

PERMISSIONS = ROOT / "terraform/modules/app/permissions.json"
REST = "api_handler"  # Chalice's one function for all routes and their middleware

_POSTER = "chalicelib.adapters.apigateway."
_REDIS = "chalicelib.adapters.redis"
_METRICS = "chalicelib.adapters.cloudwatch."
_PEER_QUEUES = "chalicelib.adapters.sqs_peers."
_TOPIC = "chalicelib.adapters.sns."
_SECRETS = "chalicelib.ports.access.Secrets."

# A batch needs the permission of a single call, a transaction those of its writes.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
ACTIONS = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage"}
WRITES = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


@dataclass
class Needs:
    """The permissions of one function.

    Attributes:
        tables: DynamoDB actions by short table name.
        home_tables: The same for tables of the first region, through `self._home()`.
        indexes: The indexes that it queries, as `table/index`.
        queues: SQS actions by short queue name.
        peer_queues: The same for the queues of this name in the other regions.
        connections: Whether it posts to connections or closes them.
        metrics: Whether it puts metrics by an API call.
        topic: Whether it publishes to the topic, which brings jobs to other regions.
        redis: Whether it connects to the cache.
        secret: Whether it reads the secret, which has the tokens' keys and the cache's password.
    """

    tables: dict[str, set[str]] = field(default_factory=dict)
    home_tables: dict[str, set[str]] = field(default_factory=dict)
    indexes: set[str] = field(default_factory=set)
    queues: dict[str, set[str]] = field(default_factory=dict)
    peer_queues: dict[str, set[str]] = field(default_factory=dict)
    connections: bool = False
    metrics: bool = False
    topic: bool = False
    redis: bool = False
    secret: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "tables": {name: sorted(actions) for name, actions in sorted(self.tables.items())},
            "home_tables": {name: sorted(by) for name, by in sorted(self.home_tables.items())},
            "indexes": sorted(self.indexes),
            "queues": {name: sorted(actions) for name, actions in sorted(self.queues.items())},
            "peer_queues": {name: sorted(by) for name, by in sorted(self.peer_queues.items())},
            "connections": self.connections,
            "metrics": self.metrics,
            "topic": self.topic,
            "redis": self.redis,
            "secret": self.secret,
        }


def reaches(program: Program) -> dict[str, Reach]:
    """The reachable code of every function.

    Raises:
        ValueError: A protocol that is not a port is used, so its implementation is not known.
    """
    return {name: Reach(program, roots) for name, roots in sorted(_roots().items())}


def derive(reached: Mapping[str, Reach]) -> dict[str, dict[str, Any]]:
    """The permissions of every function, in the form of permissions.json."""
    return {name: each.needs.as_json() for name, each in reached.items()}


def _roots() -> dict[str, set[str]]:
    """The entry points that each function's handlers in app.py name."""
    handlers = {
        node.name: node
        for node in ast.parse((ROOT / "app.py").read_text()).body
        if isinstance(node, ast.FunctionDef)
    }

    def entries(handler: ast.FunctionDef) -> Iterator[str]:
        for node in ast.walk(handler):
            match node:
                case ast.Attribute(ast.Attribute(ast.Name("entrypoints"), module), name):
                    yield f"chalicelib.entrypoints{MODULES[module]}.{name}"
                case ast.Call(ast.Name(name)) if name in handlers:
                    yield from entries(handlers[name])

    roots: dict[str, set[str]] = {}
    for handler in handlers.values():
        for decorator in handler.decorator_list:
            match decorator:
                case ast.Call(ast.Attribute(ast.Name("app"), kind)):
                    name = REST if kind in ("route", "middleware") else handler.name
                    roots.setdefault(name, set()).update(entries(handler))
    return roots


class Reach:
    """The code that is reachable from some functions, and the AWS permissions it needs.

    `_held` says which adapters each parameter or attribute of a port's type may be. It grows as
    calls are found, so the walk repeats until nothing is new.
    """

    def __init__(self, program: Program, roots: Iterable[str]) -> None:
        """Walk the code at once.

        Raises:
            ValueError: See `reaches`.
        """
        self._program = program
        self._roots = [program.functions[root] for root in roots if root in program.functions]
        self._held: dict[str, set[Adapter]] = {}
        self._seen: set[tuple[Definition, Adapter | None]] = set()
        self._waiting: list[tuple[Definition, Adapter | None]] = []
        self._here: tuple[Definition, Adapter | None] = (self._roots[0], None)
        self.needs = Needs()
        self._walk()

    def names(self) -> set[str]:
        """Full names of all reachable definitions."""
        return {definition.fullname for definition, _ in self._seen}

    def _walk(self) -> None:
        known = -1
        while known != (known := len(self._seen) + sum(map(len, self._held.values()))):
            self.needs = Needs()
            self._seen.clear()
            for name in ("chalicelib.wiring.build", "chalicelib.composition.compose"):
                self._here = self._program.functions[name], None
                for call in source.calls(self._here[0]):
                    self._bind(call)
            for root in self._roots:
                self._go(root)
            while self._waiting:
                self._here = self._waiting.pop()
                self._visit(self._here[0])

    def _visit(self, definition: Definition) -> None:
        name = definition.fullname
        self.needs.connections |= name.startswith(_POSTER)
        # Posts are leased in the cache, whose password may be in the secret.
        self.needs.redis |= name.startswith((_REDIS, _POSTER))
        self.needs.secret |= name.startswith((_REDIS, _POSTER, _SECRETS))
        self.needs.metrics |= name.startswith(_METRICS)
        self.needs.topic |= name.startswith(_TOPIC)
        of_indexes: list[nodes.Node] = []
        body = self._program.initial[name] if isinstance(definition, nodes.Var) else definition
        for part in source.parts(body):
            if isinstance(part, nodes.NameExpr):
                self._go(part.node)
            elif isinstance(part, nodes.MemberExpr) and part not in of_indexes:
                self._member(part)
            elif isinstance(part, nodes.CallExpr):
                self._bind(part)
                of_indexes += self._query_of_index(part)

    def _go(self, definition: object, adapter: Adapter | None = None) -> None:
        """Visit later what a reference leads to; `adapter` is the adapter whose method it is."""
        if isinstance(definition, nodes.TypeInfo):
            self._go(definition.get_method("__init__"), adapter)
            self._go(definition.get_method("__post_init__"), adapter)
        found: list[Definition] = [*source.functions(definition)]
        found = [each for each in found if each.fullname in self._program.functions]
        if isinstance(definition, nodes.Var) and definition.fullname in self._program.initial:
            found.append(definition)
        for each in found:
            if (each, adapter) not in self._seen:
                self._seen.add((each, adapter))
                self._waiting.append((each, adapter))

    def _member(self, expression: nodes.MemberExpr) -> None:
        if expression.node is not None:  # a module's member
            self._go(expression.node)
            return
        table = self._table(expression.expr)
        if table is not None:
            self._use(table, self._operations_of_table(expression.name))
            return
        home = self._home_table(expression.expr)
        if home is not None:
            actions = self._operations_of_table(expression.name)
            self.needs.home_tables.setdefault(home, set()).update(actions)
            return
        for owner in self._program.instances(expression.expr):
            if source.is_port(owner):
                for adapter in self._stands_for(expression.expr, owner):
                    method = self._program.classes[adapter[0]].get_method(expression.name)
                    self._go(method, adapter)
            else:
                same = self._here[1] if source.is_self(expression.expr) else None
                kinds = self._program.kinds_of(owner)
                if (
                    owner.is_protocol
                    and owner.fullname in self._program.classes
                    and len(kinds) == 1
                ):
                    raise ValueError(f"{owner.fullname}: no class names this protocol as its base")
                for each in kinds:
                    self._go(each.get_method(expression.name), same)
        if self._program.untyped(expression.expr):
            self._call_aws(expression.name)

    # The AWS calls

    def _table(self, expression: nodes.Expression) -> str | None:
        """The table, if the expression is a store's `self._table`."""
        if not isinstance(expression, nodes.MemberExpr):
            return None
        owners = self._program.instances(expression.expr)
        found = [self._program.tables.get((owner.fullname, expression.name)) for owner in owners]
        return next((name for name in found if name), None)

    def _home_table(self, expression: nodes.Expression) -> str | None:
        """The table, if the expression is `Table(self._home(), self._table.name)`."""
        if not isinstance(expression, nodes.CallExpr) or source.callee(expression) != source.TABLE:
            return None
        client, name = expression.args
        called = client.callee if isinstance(client, nodes.CallExpr) else None
        if isinstance(called, nodes.MemberExpr) and called.name == "_home":
            return self._table(name.expr) if isinstance(name, nodes.MemberExpr) else None
        return None

    def _operations_of_table(self, method: str) -> set[str]:
        """The operations that a method of `Table` calls, itself or through its other methods."""
        info = self._program.classes[source.TABLE]
        found, seen, waiting = set[str](), set[str](), [method]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            for function in source.functions(info.get_method(name)):
                for member in source.members(function):
                    if source.is_self(member.expr):
                        waiting.append(member.name)
                    elif self._program.untyped(member.expr) and member.name in _DYNAMODB:
                        found.add(_DYNAMODB[member.name])
        return found

    def _use(self, table: str, actions: set[str]) -> None:
        if actions:
            self.needs.tables.setdefault(table, set()).update(actions)

    def _query_of_index(self, call: nodes.CallExpr) -> list[nodes.Node]:
        """The called method, if the query is of an index and not of the table."""
        method = call.callee
        if not isinstance(method, nodes.MemberExpr) or "IndexName" not in call.arg_names:
            return []
        (index,) = source.strings(call.args[call.arg_names.index("IndexName")])
        self.needs.indexes.add(f"{self._table(method.expr)}/{index}")
        return [method]

    def _call_aws(self, operation: str) -> None:
        definition, adapter = self._here
        if not definition.fullname.startswith("chalicelib.adapters."):
            return
        if operation == "transact_write_items" and isinstance(definition, nodes.FuncDef):
            self._transaction(definition.info)
        elif operation in _SQS and adapter is not None:
            action = ACTIONS.get(_SQS[operation], _SQS[operation])
            peers = definition.fullname.startswith(_PEER_QUEUES)
            queues = self.needs.peer_queues if peers else self.needs.queues
            queues.setdefault(adapter[1], set()).add(action)

    def _transaction(self, store: nodes.TypeInfo) -> None:
        """The writes of all transactions of a store, with their tables."""
        own = [each for member in store.names.values() for each in source.functions(member.node)]
        keys = {text for function in own for text in source.strings(function)}
        named = {
            self._table(member.expr)
            for function in own
            for member in source.members(function)
            if member.name == "name"
        }
        for table in filter(None, named):
            self._use(table, {action for key, action in WRITES.items() if key in keys})

    # The adapters of each port

    def _stands_for(self, expression: nodes.Expression, port: nodes.TypeInfo) -> set[Adapter]:
        known = self._adapters(expression)
        fields = self._program.ports.get(port.fullname, set())
        if not known and len(fields) == 1:
            return {self._program.adapters[name] for name in fields}
        return known

    def _adapters(self, expression: nodes.Expression) -> set[Adapter]:
        made = [info.fullname for info in self._program.instances(expression)]
        if made and made[0].startswith("chalicelib.adapters."):
            return {(made[0], source.short_name(expression))}
        found = set[Adapter]()
        if isinstance(expression, nodes.MemberExpr):
            for owner in self._program.instances(expression.expr):
                if owner.name == "Adapters":
                    found.add(self._program.adapters[expression.name])
                found |= self._held.get(f"{owner.fullname}.{expression.name}", set())
        elif isinstance(expression, nodes.NameExpr):
            found |= self._held.get(_parameter(self._here[0], expression.name), set())
        return found

    def _bind(self, call: nodes.CallExpr) -> None:
        """Remember which adapters a call passes to which parameters and attributes."""
        called = call.callee.node if isinstance(call.callee, nodes.RefExpr) else None
        made = called if isinstance(called, nodes.TypeInfo) else None
        for function in source.functions(made.get_method("__init__") if made else called):
            names = [argument.variable.name for argument in function.arguments]
            names = names[1:] if function.info and not function.is_static else names
            stored = {
                value.name: attribute
                for attribute, value in source.attributes_set(function)
                if isinstance(value, nodes.NameExpr)
            }
            for number, (given, argument) in enumerate(zip(call.arg_names, call.args, strict=True)):
                held = self._adapters(argument)
                if held:
                    name = given or names[number]
                    self._hold(_parameter(function, name), held)
                    if made:  # a dataclass stores its arguments under the same names
                        self._hold(f"{made.fullname}.{stored.get(name, name)}", held)

    def _hold(self, name: str, adapters: set[Adapter]) -> None:
        self._held.setdefault(name, set()).update(adapters)


def _parameter(definition: Definition, name: str) -> str:
    return f"{definition.fullname}({name})"


def _operations(service: str) -> dict[str, str]:
    names = get_session().get_service_model(service).operation_names
    return {xform_name(name): name for name in names}


_DYNAMODB, _SQS = _operations("dynamodb"), _operations("sqs")


if __name__ == "__main__":
    PERMISSIONS.write_text(json.dumps(derive(reaches(Program.read())), indent=2) + "\n")
    sys.stderr.write(f"{Path(PERMISSIONS).relative_to(ROOT)} written\n")
