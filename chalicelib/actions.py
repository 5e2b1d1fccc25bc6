"""The actions, independent of the protocol: a table from name to command and function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from . import wire
from .access.limits import OTHERS
from .contract import commands, positions
from .contract.acks import (
    Done,
    Hello,
    Pong,
    Refreshed,
    RoomPosition,
    Sent,
    Synced,
    SyncedConversation,
)
from .contract.commands import Command
from .contract.messages import Message
from .contract.shapes import Shape
from .kernel import times
from .kernel.errors import (
    Internal,
    NotFound,
    OtherProtocol,
    PermissionDenied,
    TidingsError,
    Unavailable,
    UnknownAction,
)
from .model.connections import Connection, FrameContext
from .model.identifiers import ConnectionId, MessageId, RoomId, Stream
from .model.lines import Turn
from .model.presence import Status
from .model.rooms import Role
from .services import Services

UNREADABLE_ROOM = "this conversation cannot be read now"
_PAID = Unavailable | Internal | NotFound  # failures that come after reads or writes


@dataclass(frozen=True, slots=True)
class Invocation:
    """An authenticated call of an action."""

    services: Services
    frame: FrameContext
    connection: Connection
    command: Any

    @property
    def room_id(self) -> RoomId:
        return room_of(self.command)  # type: ignore[return-value]

    def role(self) -> Role:
        """Return the user's role in the command's room; `PermissionDenied` for non-members."""
        return self.services.rooms.authorise(self.frame, self.connection.user_id, self.room_id)

    def writer(self) -> Role:
        """Return the user's role if it may write; else `PermissionDenied`."""
        return self.services.rooms.writer(self.role())

    def turn(self) -> Turn | None:
        """Return the frame's turn to append to the room; `RateLimited` if the room is too busy.

        Ask for the role first: only members may learn that others write to the room.
        """
        self.services.limits.check_room(self.frame.turn)
        return self.frame.turn


@dataclass(frozen=True, slots=True)
class Action:
    """How to serve an action.

    Attributes:
        appends: The action writes to the room's log, so its frame draws a turn.
    """

    command: type[Command]
    run: Callable[[Invocation], Shape]
    appends: bool = False


def run(
    services: Services,
    connection_id: ConnectionId,
    name: str,
    data: object,
    *,
    speaks_json: bool = True,
) -> Shape:
    """Validate, authenticate and perform an action; return its ack.

    Args:
        speaks_json: The frame is of the JSON protocol, not of Socket.IO.

    Raises:
        OtherProtocol: The handshake of the connection was in the other protocol.
        RefusedTooOften: The connection must be closed.
        TidingsError: The action was refused or failed.
    """
    action = ACTIONS.get(name)
    try:
        if action is None:
            raise UnknownAction("there is no action of this name")
        command = commands.parse(action.command, data)
    except TidingsError as fault:
        refuse(services, connection_id, fault, speaks_json=speaks_json)
    region = services.region if action.appends else None
    room_id = room_of(command)
    charge = services.limits.charge_action(name, command.tokens)
    frame = services.frames.authenticate(connection_id, room_id, region, charge)
    assert frame.connection is not None
    _require_protocol(frame.connection, speaks_json)
    services.connections.heard(frame.connection, frame.noted_ms)
    try:
        services.revocations.check_frame(frame)
        services.limits.check(frame.paid)
        with services.limits.metered(frame.connection.user_id, name):
            return action.run(Invocation(services, frame, frame.connection, command))
    except Exception as fault:
        if frame.turn is not None and region is not None and room_id is not None:
            _give_up(services, (room_id, region), frame.turn, fault)
        raise


def refuse(
    services: Services, connection_id: ConnectionId, fault: TidingsError, *, speaks_json: bool
) -> NoReturn:
    """Raise the fault of an invalid frame, once its user is charged for it: 1 Redis trip.

    Raises:
        OtherProtocol, NotConnected, RateLimited, RefusedTooOften: As `run`.
    """
    charge = services.limits.charge(OTHERS, invalid=True)
    frame = services.frames.authenticate(connection_id, None, None, charge)
    assert frame.connection is not None
    _require_protocol(frame.connection, speaks_json)
    services.limits.check(frame.paid)
    raise fault


def _require_protocol(connection: Connection, speaks_json: bool) -> None:
    if wire.is_json(connection.target.protocol) is not speaks_json:
        raise OtherProtocol("this connection speaks the protocol of its handshake")


def _give_up(services: Services, stream: Stream, turn: Turn, fault: Exception) -> None:
    """Give up the turn of a frame that failed: nobody waits for it, or pays for a refusal."""
    refused = isinstance(fault, TidingsError) and not isinstance(fault, _PAID)
    if turn.leads or (refused and not turn.wait_ms):
        services.frames.give_up_turn(*stream, turn, refund=refused)


def room_of(command: Command) -> RoomId | None:
    """Return the room that a command names, if any."""
    room = getattr(command, "conversation_id", None) or getattr(command, "room_id", None)
    return RoomId(room) if room else None


def _hello(invocation: Invocation) -> Hello:
    """Get this connection's id, user and region."""
    return Hello(
        connection_id=invocation.connection.connection_id,
        user_id=invocation.connection.user_id,
        region=invocation.services.region,
        server_time=_now(invocation),
        expires_at=times.iso(invocation.connection.expires_at_s * 1000),
    )


def _send_message(invocation: Invocation) -> Sent:
    """Send a message. The ack says that it is stored and will be delivered to every member.

    Raises:
        PermissionDenied: The user is not a member of the room, or may only read it.
        NotFound: The room has no message with the id of `reply_to_message_id`.
        TooLarge: The content is over the size limit.
        Unavailable: Also when too many users write to the room at once; or when no other region
            takes a `global` message, if the deployment refuses it then.
    """
    invocation.writer()
    origin = invocation.connection.target.origin
    stored = invocation.services.sending.send(
        invocation.connection.user_id, invocation.command, origin, invocation.turn()
    )
    entry = stored.entry
    written_at, position = times.iso(entry.timestamp_ms), positions.of(entry)
    return Sent(entry.message_id, entry.room_id, written_at, position, stored.durability)


def _delete_message(invocation: Invocation) -> Done:
    """Delete a message, as its sender, or in a group as an admin or the owner. Idempotent.

    Raises:
        PermissionDenied: The user is not a member, or may not delete this message.
        NotFound: There is no such message in the room.
    """
    role = invocation.role()
    invocation.services.sending.delete(
        invocation.connection.user_id,
        role,
        invocation.room_id,
        MessageId(invocation.command.message_id),
        invocation.connection.target.origin,
        invocation.turn(),
    )
    return Done()


def _join_room(invocation: Invocation) -> RoomPosition:
    """Open a room on this device, to get its typing, join and leave events.

    Messages are delivered without it.

    Raises:
        PermissionDenied: The user is not a member of the room.
    """
    invocation.role()
    invocation.services.ephemeral.join(invocation.connection, invocation.room_id)
    return _position(invocation)


def _leave_room(invocation: Invocation) -> RoomPosition:
    """Close a room on this device. The user stays a member, and messages are still delivered.

    Raises:
        PermissionDenied: The user is not a member of the room.
    """
    invocation.role()
    invocation.services.ephemeral.leave(invocation.connection, invocation.room_id)
    return _position(invocation)


def _position(invocation: Invocation) -> RoomPosition:
    return RoomPosition(invocation.room_id, invocation.services.reader.position(invocation.room_id))


def _typing_start(invocation: Invocation) -> Done:
    """Show others in the room that the user is typing, for six seconds or until `typing_stop`.

    Raises:
        PermissionDenied: The user is not a member of the room, or may only read it.
    """
    invocation.writer()
    invocation.services.ephemeral.typing(invocation.connection, invocation.room_id, True)
    return Done()


def _typing_stop(invocation: Invocation) -> Done:
    """Show others in the room that the user has stopped typing.

    Raises:
        PermissionDenied: The user is not a member of the room, or may only read it.
    """
    invocation.writer()
    invocation.services.ephemeral.typing(invocation.connection, invocation.room_id, False)
    return Done()


def _message_read(invocation: Invocation) -> Done:
    """Mark everything up to this message as read. The marker only moves forward.

    Raises:
        PermissionDenied: The user is not a member of the room.
        NotFound: There is no such message in the room.
    """
    role = invocation.role()
    message_id = MessageId(invocation.command.message_id)
    connection = invocation.connection
    invocation.services.receipts.read(
        connection.user_id, invocation.room_id, message_id, connection.target.origin, role
    )
    return Done()


def _message_delivered(invocation: Invocation) -> Done:
    """Confirm that a message with a true `delivery_receipt` reached this device.

    Raises:
        PermissionDenied: The user is not a member of the room.
        NotFound: There is no such message in the room.
    """
    invocation.role()
    message_id = MessageId(invocation.command.message_id)
    invocation.services.receipts.delivered(
        invocation.connection.user_id, invocation.room_id, message_id
    )
    return Done()


def _set_status(invocation: Invocation) -> Done:
    """Choose the status that friends see, until the user's last device disconnects."""
    invocation.services.presences.choose(
        invocation.connection.user_id, Status(invocation.command.status)
    )
    return Done()


def _sync(invocation: Invocation) -> Synced:
    """Get missed messages. Send it after the first connect and after every reconnect.

    A room that the user is not a member of, or that cannot be read now, has an `error` in the
    ack instead of messages.

    Raises:
        BadRequest: Also when a position is not one that a server gave.
    """
    services, user_id = invocation.services, invocation.connection.user_id
    given = {RoomId(room): text for room, text in invocation.command.positions.items()}
    after = None
    if given:
        mine = set(services.rooms.among(user_id, list(given)))
        allowed = {room: text for room, text in given.items() if room in mine}
    else:
        start = invocation.command.after_room or ""
        rooms, after = services.room_pages.readable(user_id, start, commands.MAX_SYNCED)
        allowed = dict.fromkeys(rooms, "")
        if after is None:
            services.late_rooms.look_later(invocation.connection.target)
    answer: dict[RoomId, SyncedConversation] = {}
    synced = services.catch_up.since(allowed, invocation.command.limit)
    readable = [room for room, caught in synced.items() if not caught.unreadable]
    unread = services.read_state.unread(user_id, readable)
    seen = services.read_state.seen(
        user_id,
        [entry for room in readable for entry in synced[room].entries],
        {room: unread[room].marker for room in readable},
    )
    for room, caught in synced.items():
        if caught.unreadable or unread[room].unreadable:
            answer[room] = _without_messages(caught.position, Internal(UNREADABLE_ROOM))
            continue
        answer[room] = SyncedConversation(
            messages=[Message.of(e, e.message_id in seen) for e in caught.entries],
            position=caught.position,
            recovered=caught.recovered,
            more=caught.more,
            unread=unread[room].count,
            last_read_message_id=unread[room].last_read,
        )
    for room in given:
        if room not in allowed:
            refusal = PermissionDenied("not a member of this room")
            answer[room] = _without_messages(given[room], refusal)
    return Synced(answer, after)


def _without_messages(position: str, error: TidingsError) -> SyncedConversation:
    """Return a conversation's part of the ack of `sync` with an error instead of messages."""
    return SyncedConversation(
        messages=[], position=position, recovered=False, more=False, error=error.as_json()
    )


def _refresh_token(invocation: Invocation) -> Refreshed:
    """Continue this connection with a newer token of the same user.

    Raises:
        Unauthorized: The new token is not valid.
        PermissionDenied: The new token belongs to another user, or the user's access is revoked.
    """
    identity = invocation.services.tokens.verify(invocation.command.token)
    invocation.services.revocations.check(identity.user_id)
    invocation.services.expiry.renew(invocation.connection, identity)
    return Refreshed(times.iso(identity.expires_at_s * 1000))


def _ping(invocation: Invocation) -> Pong:
    """Show the server that the client is alive, and check that the server is."""
    return Pong(_now(invocation))


def _now(invocation: Invocation) -> str:
    return times.iso(invocation.services.adapters.clock.now_ms())


ACTIONS: dict[str, Action] = {
    "hello": Action(commands.Nothing, _hello),
    "send_message": Action(commands.SendMessage, _send_message, appends=True),
    "delete_message": Action(commands.MessageRef, _delete_message, appends=True),
    "join_room": Action(commands.RoomRef, _join_room),
    "leave_room": Action(commands.RoomRef, _leave_room),
    "typing_start": Action(commands.ConversationRef, _typing_start),
    "typing_stop": Action(commands.ConversationRef, _typing_stop),
    "message_read": Action(commands.MessageRef, _message_read),
    "message_delivered": Action(commands.MessageRef, _message_delivered),
    "set_status": Action(commands.SetStatus, _set_status),
    "sync": Action(commands.Sync, _sync),
    "refresh_token": Action(commands.RefreshToken, _refresh_token),
    "ping": Action(commands.Nothing, _ping),
}
