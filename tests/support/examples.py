"""An example of any frozen dataclass that is sent, made from the types of its fields."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from chalicelib.contract.events import Event, Typing
from chalicelib.model.access import Identity
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind

Shown = TypeVar("Shown")

ALICE, BOB = UserId("alice"), UserId("bob")
TARGET = Target(
    ConnectionId("c="), ALICE, "api", "prod", Region("us-east-1"), "sio:/", 5, "sid", True
)
ENTRY = Entry(
    RoomId("lobby"), Region("us-east-1"), 3, MessageId("0" * 25 + "1"), EntryKind.MESSAGE, BOB, 7,
    message_type="text", content={"any": ["json", None]}, client_message_id="c1",
)  # fmt: skip
_KNOWN: dict[Any, Any] = {
    str: "text",
    int: 7,
    bool: True,
    Any: {"any": ["json", None]},
    Entry: ENTRY,
    Target: TARGET,
    Identity: Identity(ALICE, 60, ("admin",)),
    Event: Typing(RoomId("lobby"), ALICE, True, "2026-11-24T09:30:00.000Z"),
}


def example(shown: type[Shown]) -> Shown:
    """With every field that is required set, and those that may be None set, too."""
    hints = typing.get_type_hints(shown)
    required = [
        each
        for each in dataclasses.fields(shown)  # type: ignore[arg-type]
        if each.default is dataclasses.MISSING
    ]
    return shown(**{each.name: _value(hints[each.name]) for each in required})


def _value(hint: Any) -> Any:
    if hint in _KNOWN:
        return _KNOWN[hint]
    if hasattr(hint, "__supertype__"):  # a NewType
        return _value(hint.__supertype__)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _value(next(each for each in arguments if each is not types.NoneType))
    if origin is tuple:
        return (_value(arguments[0]),) * 2
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {_value(arguments[0]): _value(arguments[1])}
    raise TypeError(f"no example of {hint}: add one to tests/support/examples.py")
