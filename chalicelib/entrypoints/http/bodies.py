"""Bodies and queries of HTTP requests, as strict pydantic models: unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from ...contract.commands import (
    JSON,
    JSON_OBJECT,
    WHOLE,
    ClientMessageIdText,
    Command,
    Durable,
    MessageIdText,
    MessageTypeText,
    NewRoomIdText,
    NewUserIdText,
    UserIdText,
)
from ...kernel import names

_PRIVATE: dict[str, Any] = {
    "if": {"properties": {"room_type": {"const": "private_chat"}}, "required": ["room_type"]},
    "then": {
        "properties": {
            "participants": {"minItems": 1, "maxItems": 1},
            "room_id": {"type": "null"},
        }
    },
}


class CreateRoom(Command):
    """A private chat has one other participant; its id is derived from the two users."""

    model_config = ConfigDict(json_schema_extra=_PRIVATE)

    room_type: Literal["private_chat", "group_chat"]
    participants: Annotated[list[NewUserIdText], Field(max_length=1000)]
    metadata: JSON_OBJECT = Field(default_factory=dict)
    room_id: NewRoomIdText | None = None


class NewUserRef(Command):
    """A user who becomes a member or a friend."""

    user_id: NewUserIdText


class PutConsent(Command):
    """`added_by`: null for the deployment's default."""

    added_by: Literal["everybody", "friends", "invitation"] | None


class PostMessage(Command):
    """`POST /v1/rooms/{id}/messages`: a SendMessage without its conversation."""

    message_type: MessageTypeText
    content: JSON
    reply_to_message_id: MessageIdText | None = None
    client_message_id: ClientMessageIdText | None = None
    delivery_receipt: bool = False
    durability: Durable = "regional"


# A message id or a position, whose ids are numbers of 128 bits.
_ID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_PART = f"{names.REGION}:[0-9]{{1,15}}:{_ID}"
AfterText = Annotated[
    str, StringConstraints(pattern=f"^({_ID}|{_PART}(,{_PART}){{0,15}})$", max_length=1024)
]


class PageQuery(Command):
    before: MessageIdText | None = None
    after: AfterText | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class PresenceQuery(Command):
    user_id: Annotated[list[UserIdText], Field(min_length=1, max_length=100)]


class PostMoment(Command):
    """`content` is any JSON, as in a message."""

    content: JSON
    message_type: MessageTypeText = "text"
    client_message_id: ClientMessageIdText | None = None
    durability: Durable = "regional"


class PostNotification(PostMoment):
    """`user_id`: the user who gets it."""

    user_id: NewUserIdText
    delivery_receipt: bool = False


class Feed(Command):
    """A page of moments or notifications, newest first: those before a message id."""

    before: MessageIdText | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class Disconnect(Command):
    """`for_s`: seconds for which the user is refused, a week at most."""

    for_s: Annotated[int, Field(ge=0, le=604_800), WHOLE] = 0


class StartDrain(Command):
    """`over_s`: seconds that the drain takes at least; 0 for as fast as other regions allow."""

    over_s: Annotated[int, Field(ge=0, le=86_400), WHOLE] = 0


class DrainQuery(Command):
    """`region`: the region that is meant; another one refuses the request."""

    region: Annotated[str, StringConstraints(pattern=f"^{names.REGION}$")] | None = None


class Where(Command):
    """`location`: a country (ISO 3166 alpha-2); by default the country of the request."""

    location: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$")] | None = None
