"""Answers of the HTTP API, as pydantic models for the OpenAPI document.

Answers do not pass through these models: `rest` builds plain objects, and tests check them
against the models.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ...contract.commands import MessageIdText, PositionText
from ...model.consents import AddedBy
from ...model.friends import FriendStatus
from ...model.log import Durability
from ...model.presence import Status
from ...model.rooms import Role, RoomType

Timestamp = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]


class View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EmptyAnswer(View):
    """Success without data."""


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
    reason: str | None = None
    retry_after_ms: int | None = None


class Error(View):
    error: Fault


class Refusal(View):
    """What API Gateway itself answers."""

    message: str


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


class CreatedRoomAnswer(RoomAnswer):
    """`invited`: participants who are asked first, and are members once they accept."""

    invited: list[str]


class InvitedAnswer(View):
    """The user lets nobody add them, or not this user, and was invited."""

    room_id: str
    user_id: str


class ConsentAnswer(View):
    """`added_by`: who may add the user to rooms; others can invite."""

    added_by: AddedBy


class InvitationAnswer(View):
    room_id: str
    room_type: RoomType
    metadata: dict[str, Any]
    invited_by: str
    invited_at: Timestamp


class InvitationsAnswer(View):
    invitations: list[InvitationAnswer]


class BlockAnswer(View):
    user_id: str
    since: Timestamp


class BlocksAnswer(View):
    blocks: list[BlockAnswer]


class ListedRoom(RoomBase):
    """`unread`: number of others' messages after `last_read_message_id`, at most 100.

    It is exact if at most 100 entries follow that message.

    `error` is present when the room's messages cannot be read; then `unread` is 0.
    """

    role: Role
    unread: Annotated[int, Field(ge=0, le=100)]
    last_read_message_id: MessageIdText | None
    error: Fault | None = None


class RoomsAnswer(View):
    rooms: list[ListedRoom]


class MessageAnswer(View):
    """`is_read`: for your own message, whether another user has read it; else whether you have.

    `content` of a deleted message is null. `delivery_receipt`: the sender gets an event when the
    message reaches a user; receivers confirm it.
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


class StoredMessageAnswer(MessageAnswer):
    """`durability`: `regional` in this region, `global` in a second one, too."""

    durability: Durability


class PageAnswer(View):
    """`next`: pass it as `before` (with `after`: as `after`) to get the next page."""

    more: bool
    next: MessageIdText | None


class MessagesAnswer(PageAnswer):
    """`position`: pass it as `after` to get what comes after this page, also what arrives late."""

    messages: list[MessageAnswer]
    next: PositionText | None
    position: PositionText | None


class MomentsAnswer(PageAnswer):
    moments: list[MessageAnswer]


class NotificationsAnswer(PageAnswer):
    notifications: list[MessageAnswer]


class PresenceAnswer(View):
    """`last_seen`: now for a connected user; null for a user who was never connected."""

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
    """`presence` is present for friends, not for requests."""

    presence: PresenceAnswer | None = None


class FriendsAnswer(View):
    friends: list[ListedFriendAnswer]


class RouteAnswer(View):
    """`api`: the base URL of the region's HTTP API."""

    region: str
    url: str
    api: str


class EndpointAnswer(RouteAnswer):
    """Where to open a WebSocket; try `fallbacks` in their order.

    `unhealthy` takes nobody now, but may be all that is left when the others are lost.
    """

    shard: str
    fallbacks: list[RouteAnswer]
    unhealthy: list[RouteAnswer]


class Disconnected(View):
    user_id: str
    revoked_until: Timestamp


class DrainAnswer(View):
    """`since`, `over_s`: of the drain that is under way. `connections`: those left, if known."""

    region: str
    draining: bool
    since: Timestamp | None
    over_s: int | None
    connections: int | None


class Health(View):
    status: Literal["ok", "degraded", "draining", "unavailable"]
    region: str
    version: str
    checks: dict[str, Literal["ok", "unavailable"]]
