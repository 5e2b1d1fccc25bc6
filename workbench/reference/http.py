"""http.md: the routes of the OpenAPI document, with bodies, queries and answers in words."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from chalicelib.contract import commands
from chalicelib.entrypoints.http import openapi, views
from chalicelib.entrypoints.http.openapi import OPERATIONS, Operation

from . import docstrings, models
from .markdown import code, table
from .sections import Makers

# By field, or by model and field where the field has another meaning in that model.
MEANINGS = {
    "before": "Only messages before this one.",
    "StoredMessageAnswer.durability": "`regional`: in this region. `global`: in a second one, too.",
    "after": "Only messages after this message id or position; the page then goes forward from it.",
    "limit": "At most this many; a page may have fewer.",
    "room_type": "`private_chat`: two people. `group_chat`: an owner, admins and members.",
    "participants": "The other members. Of a private chat: exactly one.",
    "invited": "Participants who are asked first: they are members once they accept.",
    "added_by": "`everybody`, `friends`, or nobody without an `invitation`. In a request: null for "
    "the deployment's default.",
    "invitations": "The newest first; 100 at most.",
    "invited_by": "Who invites.",
    "invited_at": "When; it holds for 30 days.",
    "blocks": "By user id.",
    "InvitedAnswer.room_id": "The room.",
    "InvitationAnswer.room_id": "The room.",
    "metadata": "JSON for the clients' own use, such as a title.",
    "room_id": "The room's id. In a request: for a group chat only; by default a new id.",
    "user_id": "The user.",
    "location": "A country (ISO 3166 alpha-2). Default: where the request came from.",
    "api": "The base URL of the region's HTTP API.",
    "draining": "Whether the region sends its clients to others.",
    "connections": "How many the region has; null if Redis does not know.",
    "DrainQuery.region": "The region that is meant; another one refuses.",
    "over_s": "Seconds that the drain takes; 0: as fast as other regions can take the clients.",
    "for_s": "How many seconds the user's tokens are refused; 60 s more if it is not 0.",
    "role": "The member's role in the room.",
    "joined_at": "Since when.",
    "created_by": "Who created it.",
    "created_at": "When it was created.",
    "unread": "Messages of others after the read marker, 100 at most.",
    "last_read_message_id": "The read marker: the newest message that the user has read.",
    "rooms": "The user's rooms.",
    "messages": "Oldest first.",
    "moments": "Newest first.",
    "notifications": "Newest first.",
    "more": "There are more.",
    "next": "Give it as `before` (or, going forward, as `after`) for the next page.",
    "MessagesAnswer.position": "What this page and all before it cover; null with `before` and for "
    "an empty page.",
    "presence": "The presence of the user; for friends only.",
    "status": "The state.",
    "last_seen": "When last connected: the present time while connected, null if never.",
    "since": "Since when.",
    "friends": "Friends and open requests.",
    "region": "The region.",
    "url": "Where to open a WebSocket.",
    "shard": "The user's shard, part of the URL.",
    "fallbacks": "Other regions, in the order to try them.",
    "unhealthy": "Regions that take nobody now: to be asked when all others are lost.",
    "revoked_until": "Until when the user's tokens are refused.",
    "version": "The version of the deployed code.",
    "error": "Why the unread messages cannot be counted; then `unread` is 0.",
    "checks": "The status of each dependency: `ok` or `unavailable`.",
    "sender_id": "Who sent it.",
    "timestamp": "When the server stored it.",
    "is_read": "Own messages: someone else has read it. Others' messages: this user has.",
    "is_deleted": "It was deleted; then `content` is null.",
    "position": "The position of this message alone.",
    "code": "An error code.",
    "message": "What was wrong.",
    "Message.message_id": "The message's id.",
    "Message.client_message_id": "The sender's own id of the message.",
    "Message.delivery_receipt": "The sender asks for delivery receipts: confirm the message.",
    "Message.reply_to_message_id": "The message that this one answers.",
    "Room.participants": "All members, the owner first.",
    "Room.room_id": "The room's id.",
    "ListedRoom.room_id": "The room's id.",
    "ListedRoom.role": "The user's role in it.",
    "ListedFriend.status": "`friends`; `requested`: by this user; `incoming`: by the other user.",
    "Friend.status": "`friends`; `requested`: by this user; `incoming`: by the other user.",
    "PresenceQuery.user_id": "A user; repeat the parameter for several.",
    "Presences.presence": "One for each user, in the order of the query.",
    "Health.status": "`degraded`: works without Redis. `unavailable`: does not work. "
    "`draining`: works, and sends its clients to other regions.",
    "PostNotification.user_id": "The user who gets it.",
}
_OF_COMMANDS = {
    **docstrings.section(commands.MessageRef, "Attributes"),
    **docstrings.section(commands.SendMessage, "Attributes"),
}


def operations() -> str:
    """All routes in a table."""
    rows = [
        (f"[`{each.method} {each.path}`](#{each.name})", each.summary, _role(each))
        for each in OPERATIONS
    ]
    return table(["route", "what it does", "token"], rows)


def operation(name: str) -> str:
    """One route: path, query, body, answer, errors."""
    [each] = [known for known in OPERATIONS if known.name == name]
    described = openapi.document()["paths"][each.path][each.method.lower()]
    parts = [f"`{each.method} {each.path}`: {each.summary}. Token: {_role(each)}."]
    for title, model in (("Query", each.query), ("Body", each.body)):
        if model is not None:
            parts.append(f"{title}:\n\n{_fields(model)}")
    parts.append(_answer(each))
    if each.or_else is not None:
        status, answer = each.or_else
        parts.append(f"Or {status}, {_link(answer.__name__)}: {answer.__doc__}")
    errors = [
        f"{status} ({_code(answer['description'])})"
        for status, answer in described["responses"].items()
        if int(status) >= 400
    ]
    if errors:
        parts.append(f"Errors: {', '.join(errors)}.")
    return "\n\n".join(parts)


def view(name: str) -> str:
    """An object that occurs in answers."""
    model = getattr(views, name)
    return _fields(model)


def meaning(model: type[BaseModel], field: str) -> str:
    """The meaning of a field.

    Raises:
        KeyError: No text gives its meaning.
    """
    for name in (f"{model.__name__}.{field}", field):
        for known in (MEANINGS, _OF_COMMANDS):
            if name in known:
                return known[name]
    raise KeyError(f"{model.__name__}.{field}: add its meaning to MEANINGS")


def _answer(each: Operation) -> str:
    if each.name == "openapi":
        return f"Answer {each.status}: the OpenAPI document."
    if not each.answer.model_fields:
        return f"Answer {each.status}: `{{}}`."
    if each.answer.__name__ in OBJECTS:
        return f"Answer {each.status}: {_link(each.answer.__name__)}."
    return f"Answer {each.status}:\n\n{_fields(each.answer)}"


def _fields(model: type[BaseModel]) -> str:
    schema = model.model_json_schema()
    kinds = {field.name: field for field in models.fields_of_model(model)}
    rows = []
    for name, field in schema["properties"].items():
        kind = kinds[name]
        presence = kind.presence
        if issubclass(model, views.View):  # an answer has every field that is not optional
            presence = "always" if presence == "required" else "sometimes"
        type_ = _type(field, schema) if "$ref" in str(field) else kind.type
        rows.append((code(name), type_, presence, meaning(model, name)))
    return table(["field", "type", "", "meaning"], rows)


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """The type in words, with links to other objects."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        found = schema["$defs"][name]
        return models.of_schema(found) if "enum" in found else _link(name)
    if field.get("type") == "array":
        return f"list of {_type(field['items'], schema)}{models.at_most(field, 'maxItems')}"
    if "anyOf" in field:
        return " or ".join(_type(each, schema) for each in field["anyOf"])
    return models.of_schema(field)


def _link(name: str) -> str:
    shown = name.removesuffix("Answer")
    return f"[{shown}](#{shown.lower()})" if name in OBJECTS else f"`{shown}`"


def _role(each: Operation) -> str:
    if each.role is None:
        return "none"
    return "any user's" if each.role == "user" else f"role `{each.role}`"


def _code(description: str) -> str:
    return code(description.partition(":")[0]) if description[0].islower() else description


# Objects with a section of their own, because several answers have them.
OBJECTS = (
    "RoomAnswer",
    "CreatedRoomAnswer",
    "InvitedAnswer",
    "InvitationAnswer",
    "BlockAnswer",
    "ListedRoom",
    "Participant",
    "MessageAnswer",
    "StoredMessageAnswer",
    "FriendAnswer",
    "ListedFriendAnswer",
    "PresenceAnswer",
    "UserPresenceAnswer",
    "RouteAnswer",
)

SECTIONS: Makers = {"operations": operations, "operation": operation, "view": view}
