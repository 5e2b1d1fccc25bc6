"""The OpenAPI document, generated from the table of routes and the models.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from ...contract.commands import MessageIdText, RoomIdText, UserIdText
from . import bodies, views

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


@dataclass(frozen=True, slots=True)
class Operation:
    """A route.

    Attributes:
        name: The name of its function in `rest`.
        or_else: Another status of success, and its answer.
        also: Error statuses besides those that every route, path, body or query can have.
        role: The role that the token needs; None if the route needs no token.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: type[BaseModel]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    or_else: tuple[int, type[BaseModel]] | None = None
    also: tuple[int, ...] = ()
    role: str | None = "user"


_ROOM = "/v1/rooms/{room_id}"
_MESSAGES = _ROOM + "/messages"
OPERATIONS = (
    Operation("GET", "/v1/health", "health", "The region's health", views.Health, role=None),
    Operation("GET", "/v1/openapi.json", "openapi", "This document", views.EmptyAnswer, role=None),
    Operation(
        "POST",
        "/v1/rooms",
        "create_room",
        "Create a room; two users have only one private chat",
        views.CreatedRoomAnswer,
        body=bodies.CreateRoom,
        status=201,
        also=(409,),
    ),
    Operation("GET", "/v1/rooms", "list_rooms", "My rooms, with unread counts", views.RoomsAnswer),
    Operation("GET", _ROOM, "get_room", "A room and its members", views.RoomAnswer, also=(404,)),
    Operation(
        "POST",
        _ROOM + "/members",
        "add_member",
        "Add a member (owner, room admin, service admin), or invite one who asks for that",
        views.Participant,
        body=bodies.NewUserRef,
        status=201,
        or_else=(202, views.InvitedAnswer),
        also=(404, 409),
    ),
    Operation(
        "DELETE",
        _ROOM + "/members/{user_id}",
        "remove_member",
        "Remove a member, withdraw an invitation, or leave",
        views.EmptyAnswer,
        also=(404, 409),
    ),
    Operation(
        "GET",
        _MESSAGES,
        "list_messages",
        "A page of the history, oldest first",
        views.MessagesAnswer,
        query=bodies.PageQuery,
    ),
    Operation(
        "POST",
        _MESSAGES,
        "post_message",
        "Send a message",
        views.StoredMessageAnswer,
        body=bodies.PostMessage,
        status=201,
        also=(404,),
    ),
    Operation(
        "DELETE",
        _MESSAGES + "/{message_id}",
        "delete_message",
        "Delete a message (sender; in a group also the owner and room admins)",
        views.EmptyAnswer,
        also=(404,),
    ),
    Operation(
        "GET",
        "/v1/invitations",
        "list_invitations",
        "Invitations that wait for my answer, the newest first",
        views.InvitationsAnswer,
    ),
    Operation(
        "POST",
        "/v1/invitations/{room_id}",
        "accept_invitation",
        "Accept an invitation",
        views.Participant,
        status=201,
        also=(404, 409),
    ),
    Operation(
        "DELETE",
        "/v1/invitations/{room_id}",
        "decline_invitation",
        "Decline an invitation",
        views.EmptyAnswer,
        also=(404,),
    ),
    Operation("GET", "/v1/consent", "show_consent", "Who may add me to rooms", views.ConsentAnswer),
    Operation(
        "PUT",
        "/v1/consent",
        "put_consent",
        "Choose who may add me to rooms",
        views.ConsentAnswer,
        body=bodies.PutConsent,
    ),
    Operation("GET", "/v1/blocks", "list_blocks", "Whom I have blocked", views.BlocksAnswer),
    Operation(
        "PUT",
        "/v1/blocks/{user_id}",
        "put_block",
        "Block a user, and end the friendship",
        views.BlockAnswer,
        also=(409,),
    ),
    Operation(
        "DELETE",
        "/v1/blocks/{user_id}",
        "remove_block",
        "Take a block back",
        views.EmptyAnswer,
    ),
    Operation("GET", "/v1/friends", "list_friends", "Friends and requests", views.FriendsAnswer),
    Operation(
        "PUT",
        "/v1/friends/{user_id}",
        "put_friend",
        "Ask for, or accept, a friendship",
        views.FriendAnswer,
        also=(409,),
    ),
    Operation(
        "DELETE",
        "/v1/friends/{user_id}",
        "remove_friend",
        "End a friendship, or withdraw a request",
        views.EmptyAnswer,
    ),
    Operation(
        "GET",
        "/v1/presence",
        "list_presence",
        "Presence of friends and members of shared rooms",
        views.PresencesAnswer,
        query=bodies.PresenceQuery,
    ),
    Operation(
        "POST",
        "/v1/moments",
        "post_moment",
        "Post a moment to your friends",
        views.StoredMessageAnswer,
        body=bodies.PostMoment,
        status=201,
    ),
    Operation(
        "GET",
        "/v1/moments",
        "list_moments",
        "Your own and your friends' moments, newest first",
        views.MomentsAnswer,
        query=bodies.Feed,
    ),
    Operation(
        "POST",
        "/v1/notifications",
        "post_notification",
        "Send a notification to a user",
        views.StoredMessageAnswer,
        body=bodies.PostNotification,
        status=201,
        role="service",
    ),
    Operation(
        "GET",
        "/v1/notifications",
        "list_notifications",
        "Your notifications, newest first",
        views.NotificationsAnswer,
        query=bodies.Feed,
    ),
    Operation(
        "GET",
        "/v1/endpoint",
        "endpoint",
        "Which region and shard to connect to",
        views.EndpointAnswer,
        query=bodies.Where,
        also=(404,),
    ),
    Operation(
        "POST",
        "/v1/admin/users/{user_id}/disconnect",
        "disconnect_user",
        "Disconnect a user, and optionally refuse their access for a time",
        views.Disconnected,
        body=bodies.Disconnect,
        also=(409,),
        role="admin",
    ),
    Operation(
        "GET",
        "/v1/admin/drain",
        "show_drain",
        "Whether this region drains, and how many connections it has",
        views.DrainAnswer,
        role="admin",
    ),
    Operation(
        "PUT",
        "/v1/admin/drain",
        "start_drain",
        "Send all clients of this region to others, and take no new ones",
        views.DrainAnswer,
        body=bodies.StartDrain,
        query=bodies.DrainQuery,
        also=(409,),
        role="admin",
    ),
    Operation(
        "DELETE",
        "/v1/admin/drain",
        "stop_drain",
        "Take new clients again",
        views.DrainAnswer,
        query=bodies.DrainQuery,
        also=(409,),
        role="admin",
    ),
)


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
