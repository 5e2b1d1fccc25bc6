"""The data of actions as strict pydantic models, which refuse unknown fields."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ..kernel import consumption, names, nesting
from ..kernel.errors import BadRequest, TooLarge

MAX_CONTENT_BYTES = 64 * 1024
MAX_METADATA_BYTES = 4 * 1024
MAX_SYNCED = 100  # conversations in one `sync`


def _usable(name: str) -> str:
    if name in names.RESERVED:
        raise PydanticCustomError("reserved", names.IS_RESERVED)
    return name


# Every new name that a client chooses and others may keep things by. What was stored under a name
# before it was reserved keeps it.
_USABLE = AfterValidator(_usable)
_NOT_RESERVED = Field(json_schema_extra={"not": {"enum": [*sorted(names.RESERVED)]}})

RoomIdText = Annotated[str, StringConstraints(pattern=f"^{names.ROOM}$")]
UserIdText = Annotated[str, StringConstraints(pattern=f"^{names.USER}$")]
NewRoomIdText = Annotated[RoomIdText, _USABLE, _NOT_RESERVED]
NewUserIdText = Annotated[UserIdText, _USABLE, _NOT_RESERVED]
MessageTypeText = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{1,64}$"), _USABLE, _NOT_RESERVED
]
ClientMessageIdText = Annotated[
    str, StringConstraints(pattern=r"^[!-~]{1,128}$"), _USABLE, _NOT_RESERVED
]
MessageIdText = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$")]
# Where a page of rooms has ended: after a room, or in the moments after those of a friend.
AfterRoomText = Annotated[
    str, StringConstraints(pattern=f"^({names.ROOM}|friends:({names.USER})?)$")
]
PositionText = Annotated[str, StringConstraints(max_length=1024)]


def _whole(value: object) -> object:
    """Accept whole floats: JSON has only one type of number, so 5.0 is the integer 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)


def _bounded(value: object) -> object:
    if not nesting.within(value, nesting.MAX_DEPTH):
        raise PydanticCustomError("nesting", nesting.TOO_DEEP)
    return value


# JSON that is stored: any value that is not nested too deeply.
JSON = Annotated[Any, AfterValidator(_bounded)]
JSON_OBJECT = Annotated[dict[str, Any], AfterValidator(_bounded)]


Durable = Literal["regional", "global"]


class Command(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    @property
    def tokens(self) -> int:
        """How many tokens of the action's bucket it costs."""
        return 1


C = TypeVar("C", bound=Command)


class Nothing(Command):
    """An action without data."""


class SendMessage(Command):
    """A new message.

    Attributes:
        conversation_id: The room.
        message_type: The kind of content, as the clients define it, such as `text`.
        content: Any JSON value. The service stores it and does not read it.
        reply_to_message_id: The message of the same room that this one replies to.
        client_message_id: The client's own id of the message. A resend with the same id within
            24 hours gets the same ack and creates no second message.
        delivery_receipt: Ask for a `message_delivered` event for each user that the message
            reaches.
        durability: With `global` the ack waits until a second region has the message, and will
            deliver it even if this region is lost. The room may ask for it, too; a message cannot
            ask for less than its room.
    """

    conversation_id: RoomIdText
    message_type: MessageTypeText
    content: JSON
    reply_to_message_id: MessageIdText | None = None
    client_message_id: ClientMessageIdText | None = None
    delivery_receipt: bool = False
    durability: Durable = "regional"

    @cached_property
    def content_bytes(self) -> int:
        """The size of the content as JSON in UTF-8; `BadRequest` if it has none."""
        return json_bytes(self.content, "content")

    @property
    def tokens(self) -> int:
        """By its size, as DynamoDB charges. Content that cannot be stored is refused later."""
        try:
            size = self.content_bytes
        except BadRequest:
            return 1
        return consumption.tokens_to_write(size) if size <= MAX_CONTENT_BYTES else 1


class MessageRef(Command):
    """An existing message.

    Attributes:
        conversation_id: The message's room.
        message_id: The message.
    """

    conversation_id: RoomIdText
    message_id: MessageIdText


class RoomRef(Command):
    """A room.

    Attributes:
        room_id: The room.
    """

    room_id: RoomIdText


class UserRef(Command):
    """A user.

    Attributes:
        user_id: The user.
    """

    user_id: UserIdText


class ConversationRef(Command):
    """A room, by its name as a conversation.

    Attributes:
        conversation_id: The room.
    """

    conversation_id: RoomIdText


class Sync(Command):
    """The positions that the client has, to get what came after them.

    Attributes:
        positions: The client's position in each conversation; an empty position asks for a
            snapshot. An empty object asks for snapshots of all the user's rooms.
        limit: The most messages to return for each conversation; a snapshot has at most 50.
        after_room: The `after_room` of the previous ack, to get the next rooms. Only with empty
            `positions`.
    """

    positions: Annotated[dict[RoomIdText, PositionText], Field(max_length=MAX_SYNCED)]
    limit: Annotated[int, Field(ge=1, le=500), WHOLE] = 100
    after_room: AfterRoomText | None = None

    @property
    def tokens(self) -> int:
        """One for each 25 conversations, which are each read; it may be as many as fit."""
        return -(-(len(self.positions) or MAX_SYNCED) // 25)

    @model_validator(mode="after")
    def _of_all_or_of_these(self) -> Sync:
        if self.positions and self.after_room is not None:
            raise ValueError("after_room is only allowed with empty positions")
        return self


class SetStatus(Command):
    """The status that the user's friends see.

    Attributes:
        status: With `offline` the user stays connected but is shown as offline.
    """

    status: Literal["online", "away", "offline"]


class RefreshToken(Command):
    """A newer token for the same connection.

    Attributes:
        token: A JWT of the same user.
    """

    token: Annotated[str, StringConstraints(max_length=8192)]


def parse(model: type[C], data: object) -> C:
    """Validate data against a model.

    Raises:
        BadRequest: The data is not valid. The message names the first invalid field, never its
            value.
    """
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        first = fault.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part)[:64] for part in first["loc"]) or "data"
        printable = where.encode("ascii", "replace").decode()
        raise BadRequest(f"{printable}: {first['msg']}"[:200]) from None


def check_json(value: object, limit_bytes: int, name: str) -> None:
    """Check that a value can be stored as JSON.

    Raises:
        TooLarge: It is over the limit.
        BadRequest: It is nested too deeply, or cannot be encoded as JSON in UTF-8.
    """
    if not nesting.within(value, nesting.MAX_DEPTH):
        raise nesting.too_deep(name)
    check_size(json_bytes(value, name), limit_bytes, name)


def check_size(size: int, limit_bytes: int, name: str) -> None:
    """Raise `TooLarge` if the size of a value is over the limit."""
    if size > limit_bytes:
        raise TooLarge(f"{name}: {size} bytes, the limit is {limit_bytes}")


def json_bytes(value: object, name: str) -> int:
    """Return the size of a value as JSON in UTF-8; `BadRequest` if it cannot be encoded."""
    try:
        return len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:
        raise BadRequest(f"{name}: cannot be encoded as JSON in UTF-8") from None
