"""Fields of commands, acks, events and settings, in words. Pure."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter

from chalicelib.contract import commands
from chalicelib.entrypoints.http import bodies, views

from . import docstrings
from .markdown import amount, code, codes

# Meanings of fields that no docstring defines otherwise.
_COMMON = {
    "conversation_id": "The room.",
    "room_id": "The room.",
    "message_id": "The message.",
    "user_id": "The user.",
    "sender_id": "Who sent it.",
    "deleted_by": "Who deleted it.",
    "connection_id": "Identifies the connection in logs and support requests.",
    "timestamp": "When it happened.",
    "server_time": "The server's clock.",
    "target": "The connection.",
    "entry": "The log entry.",
    "rooms": "The rooms.",
    "friend_id": "The other user.",
    "other_id": "The other user.",
    "invited_by": "The user who invites.",
    "origin": "The device that caused it; it gets no event.",
    "at_ms": "When it happened.",
    "identity": "The user, the end of the token, its roles.",
    "targets": "The connections.",
    "is_typing": "Whether the user is typing.",
    "region": "The region.",
    "seq": "The seq of the entry.",
    "tries": "The number of this try.",
    "bucket": "The bucket, 0 to 63.",
}
_SINGULAR = {"rooms": "room_id"}

TIMESTAMP = TypeAdapter(views.Timestamp).json_schema()["pattern"]
_AFTER = TypeAdapter(bodies.AfterText).json_schema()

# The kind of text in a field, by the field's name.
_BY_NAME = {
    **dict.fromkeys(("conversation_id", "room_id"), "room id"),
    **dict.fromkeys(
        ("message_id", "reply_to_message_id", "last_read_message_id", "next"), "message id"
    ),
    **dict.fromkeys(
        ("user_id", "sender_id", "reader_id", "deleted_by", "friend_id", "other_id", "invited_by"),
        "user id",
    ),
    **dict.fromkeys(
        ("timestamp", "server_time", "expires_at", "read_at", "delivered_at"), "timestamp"
    ),
    "position": "position",
    "after_room": "end of a page",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field, described in words.

    Attributes:
        type: The type, in Markdown.
        presence: "required", "optional", or "default: …".
    """

    name: str
    type: str
    presence: str
    meaning: str


def named_types() -> dict[str, dict[str, Any]]:
    """The kinds of text that have a name, with their JSON Schemas."""
    known = {
        "room id": commands.RoomIdText,
        "user id": commands.UserIdText,
        "message id": commands.MessageIdText,
        "position": commands.PositionText,
        "end of a page": commands.AfterRoomText,
    }
    schemas = {name: TypeAdapter(kind).json_schema() for name, kind in known.items()}
    return {name: _without_reserved(schema) for name, schema in schemas.items()}


def _without_reserved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the reserved names, which the reference lists once."""
    return {key: value for key, value in schema.items() if key != "not"}


def fields_of_model(model: type[BaseModel]) -> list[Field]:
    """A pydantic model's fields; only undocumented fields have no meaning."""
    schema = model.model_json_schema()
    meanings = docstrings.section(model, "Attributes")
    required = schema.get("required", [])
    return [
        Field(
            name,
            _named(name, of_schema(field)),
            _presence(name in required, field),
            meanings.get(name, ""),
        )
        for name, field in schema.get("properties", {}).items()
    ]


def fields_of_class(kind: type[Any]) -> list[Field]:
    """The fields of a dataclass as it is sent.

    Raises:
        KeyError: A field is not in any docstring.
    """
    meanings = dict(_COMMON)
    for base in reversed(kind.__mro__):
        meanings |= docstrings.section(base, "Attributes")
    hints = typing.get_type_hints(kind)
    return [
        Field(
            field.name,
            of_hint(field.name, hints[field.name]),
            "sometimes" if field.metadata.get("optional") else "always",
            meanings[field.name],
        )
        for field in dataclasses.fields(kind)
    ]


def _named(name: str, type: str) -> str:
    """Replace "text" by the kind of text that the field's name implies."""
    return re.sub(r"^text(?= or |$)", _BY_NAME.get(name, "text"), type)


def of_schema(schema: dict[str, Any]) -> str:
    """A JSON Schema in words."""
    if "anyOf" in schema:
        return " or ".join(of_schema(each) for each in schema["anyOf"])
    if "enum" in schema:
        return f"one of {codes(schema['enum'])}"
    if "const" in schema:
        return code(schema["const"])
    match schema.get("type"):
        case "string":
            return _text(schema)
        case "integer":
            return f"whole number{_between(schema)}"
        case "object":
            return _object(schema)
        case "array":
            return f"list of {of_schema(schema['items'])}{at_most(schema, 'maxItems')}"
        case None:
            return "reference" if "$ref" in schema else "any JSON value"
    return {"boolean": "true or false", "null": "null", "number": "number"}[schema["type"]]


def of_hint(name: str, hint: Any) -> str:
    """A field's annotation in words; `name` implies the kind of text."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(of_hint(name, each) for each in arguments)
    if origin is typing.Literal:
        return f"one of {codes(arguments)}"
    if origin in (list, tuple, Sequence):
        return f"list of {of_hint(_SINGULAR.get(name, name), arguments[0])}"
    if hint is Any:
        return "any JSON value"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return f"one of {codes(hint)}"
    if origin is not None or dataclasses.is_dataclass(hint):
        return "object"
    plain = {int: "whole number", bool: "true or false", type(None): "null", float: "number"}
    return plain.get(hint, _BY_NAME.get(name, "text"))


def _presence(required: bool, schema: dict[str, Any]) -> str:
    if required:
        return "required"
    default = schema.get("default")
    if default is None:
        return "optional"
    return f"default: {code(str(default).lower() if isinstance(default, bool) else default)}"


def _text(schema: dict[str, Any]) -> str:
    plain = {key: schema[key] for key in ("type", "pattern", "maxLength") if key in schema}
    if schema.get("pattern") == TIMESTAMP:
        return "timestamp"
    if plain == _AFTER:
        return "message id or position"
    for name, known in named_types().items():
        if plain == known:
            return name
    if "pattern" in schema:
        return f"text matching {code(schema['pattern'])}"
    return f"text{at_most(schema, 'maxLength', ' characters')}"


def _object(schema: dict[str, Any]) -> str:
    values = schema.get("additionalProperties")
    if not isinstance(values, dict):
        named = schema.get("patternProperties", {})
        if not named:
            return "object"
        [(pattern, values)] = named.items()
        keys = _text({"type": "string", "pattern": pattern})
    else:
        keys = "text"
    return f"object: {keys} → {of_schema(values)}{at_most(schema, 'maxProperties', ' entries')}"


def _between(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    return f", {low} to {amount(high)}" if low is not None and high is not None else ""


def at_most(schema: dict[str, Any], key: str, unit: str = "") -> str:
    return f", {amount(schema[key])}{unit} at most" if key in schema else ""
