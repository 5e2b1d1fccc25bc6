"""Answers of the HTTP API, as pydantic models: what the OpenAPI document says of them.

Requests do not pass through these: `rest` builds plain objects, and tests hold them to this.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ...contract.commands import MessageIdText
from ...model.friends import FriendStatus
from ...model.presence import Status
from ...model.rooms import Role, RoomType

Timestamp = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]


class View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EmptyAnswer(View):
    """It is done, and there is no more to say."""


class Fault(View):
    code: Literal[
        "bad_request",
        "unauthorized",
        "permission_denied",
        "not_found",
        "conflict",
        "rate_limited",
        "too_large",
        "unavailable",
        "internal",
    ]
    message: str


class Error(View):
    error: Fault


class Participant(View):
    user_id: str
    role: Role
    joined_at: Timestamp


class RoomBase(View):
    room_id: str
    room_type: RoomType
    created_by: str
    created_at: Timestamp
    metadata: dict[str, Any]


class RoomAnswer(RoomBase):
    participants: list[Participant]


class ListedRoom(RoomBase):
    """`unread` stops at 100; it counts others' messages after `last_read_message_id`.

    `error` is there when the room's messages cannot be read; then `unread` is 0.
    """

    role: Role
    unread: Annotated[int, Field(ge=0, le=100)]
    last_read_message_id: MessageIdText | None
    error: Fault | None = None


class RoomsAnswer(View):
    rooms: list[ListedRoom]


class MessageAnswer(View):
    """`is_read`: one's own by anybody else, others' by oneself. A deleted one's content is null.

    `delivery_receipt`: the sender is told whom it reached; who gets it says so.
    """

    message_id: MessageIdText
    conversation_id: str
    sender_id: str
    message_type: str
    content: Any
    reply_to_message_id: MessageIdText | None
    timestamp: Timestamp
    is_read: bool
    is_deleted: bool
    client_message_id: str | None
    delivery_receipt: bool
    position: str


class PageAnswer(View):
    """`next`: what to give as `before` (with `after`: as `after`) for the next page."""

    more: bool
    next: MessageIdText | None


class MessagesAnswer(PageAnswer):
    messages: list[MessageAnswer]


class MomentsAnswer(PageAnswer):
    moments: list[MessageAnswer]


class NotificationsAnswer(PageAnswer):
    notifications: list[MessageAnswer]


class PresenceAnswer(View):
    """`last_seen` of one who is here is now; null for one who never was."""

    status: Status
    last_seen: Timestamp | None


class UserPresenceAnswer(PresenceAnswer):
    user_id: str


class PresencesAnswer(View):
    presence: list[UserPresenceAnswer]


class FriendAnswer(View):
    user_id: str
    status: FriendStatus
    since: Timestamp


class ListedFriendAnswer(FriendAnswer):
    """`presence` is there when the friendship holds."""

    presence: PresenceAnswer | None = None


class FriendsAnswer(View):
    friends: list[ListedFriendAnswer]


class RouteAnswer(View):
    region: str
    url: str


class EndpointAnswer(RouteAnswer):
    """Where to open a WebSocket; `fallbacks` in the order to try them."""

    shard: str
    fallbacks: list[RouteAnswer]


class Disconnected(View):
    user_id: str
    revoked_until: Timestamp


class Health(View):
    status: Literal["ok", "degraded", "unavailable"]
    region: str
    version: str
    checks: dict[str, Literal["ok", "unavailable"]]
