"""The OpenAPI document, generated from the table of routes and the models.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from ...contract.commands import MessageIdText, RoomIdText, UserIdText
from . import views
from .operations import OPERATIONS as OPERATIONS
from .operations import Operation as Operation

_REF = "#/components/schemas/{model}"
_STATUSES = {
    400: "bad_request: the request is invalid; the message names the field",
    401: "unauthorized: the token is missing, invalid or expired",
    403: "permission_denied: the user may not do this, or their access is revoked for a time",
    404: "not_found: it does not exist, or this user may not see it",
    409: "conflict: the request conflicts with stored state",
    413: "too_large: the body, or a part of it, exceeds its limit",
    429: "rate_limited: too many requests; try again later",
    431: "API Gateway refuses a request line and header values of more than 10,240 bytes",
    500: "internal: the service failed; try again later",
    503: "unavailable: a store or queue did not answer; try again later",
}
_PATH = {"room_id": RoomIdText, "user_id": UserIdText, "message_id": MessageIdText}


@functools.cache
def document() -> dict[str, Any]:
    """The document; built once."""
    models: set[type[BaseModel]] = {views.Error, views.Refusal}
    models |= {each.answer for each in OPERATIONS}
    models |= {each.or_else[1] for each in OPERATIONS if each.or_else is not None}
    models |= {each.body for each in OPERATIONS if each.body is not None}
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(models, key=str)], ref_template=_REF
    )
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tidings",
            "version": "1",
            "description": "The HTTP API of Tidings. Live events are sent over /ws.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


@functools.cache
def tag() -> str:
    """The document's entity tag: it changes with the document."""
    text = json.dumps(document(), sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _operation(each: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "parameters": [*_path_parameters(each.path), *_query_parameters(each.query)],
        "responses": {str(each.status): _answer(each.summary, _schema_of(each))},
        "security": [{"bearer": []}] if each.role else [],
    }
    if each.role not in (None, "user"):
        made["description"] = f"For tokens with the role `{each.role}`."
    if each.body is not None:
        made["requestBody"] = {
            "required": any(field.is_required() for field in each.body.model_fields.values()),
            "content": {"application/json": {"schema": _ref(each.body)}},
        }
    if each.or_else is not None:
        status, answer = each.or_else
        made["responses"][str(status)] = _answer(str(answer.__doc__), _ref(answer))
    for status in _errors(each):
        model = views.Refusal if status == 431 else views.Error
        made["responses"][str(status)] = _answer(_STATUSES[status], _ref(model))
    if each.name == "openapi":
        made["responses"]["304"] = {"description": "Not modified"}
    if each.name == "health":
        made["responses"]["503"] = _answer("The region cannot serve", _ref(views.Health))
    return made


def _schema_of(each: Operation) -> dict[str, Any]:
    return {"type": "object"} if each.name == "openapi" else _ref(each.answer)


def _errors(each: Operation) -> list[int]:
    if each.role is None:
        return []
    found = {401, 403, 429, 431, 500, 503, *each.also}
    if each.body or each.query or "{" in each.path:
        found.add(400)
    if each.body:
        found.add(413)
    return sorted(found)


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REF.format(model=model.__name__)}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": TypeAdapter(kind).json_schema(),
        }
        for name, kind in _PATH.items()
        if f"{{{name}}}" in path
    ]


def _query_parameters(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema()
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": of}
        for name, of in ((name, _without_null(of)) for name, of in schema["properties"].items())
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without null: an unset query field is left out, not null."""
    choices = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if not choices:
        return schema
    [only] = choices
    return dict(only)
