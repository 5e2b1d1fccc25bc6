"""Ids with a meaning: message ids one can sort by and parse, and rooms named after people.

A message id is 128 bits in Crockford base32 (26 characters, ASCII order = number order): 48 bits of
milliseconds, 16 bits of logical counter, 64 random bits. The first two are the hybrid logical
clock of Kulkarni et al., "Logical Physical Clocks" (2014): time never runs backwards within a
stream even where the machines' clocks do.
"""

from __future__ import annotations

import hashlib

from ..model.identifiers import ConnectionId, MessageId, RoomId, UserId
from ..model.rooms import RoomType
from .errors import BadRequest

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
LENGTH = 26
_PREFIXES = {
    "p-": RoomType.PRIVATE_CHAT,
    "m-": RoomType.MOMENTS,
    "n-": RoomType.NOTIFICATIONS,
}


def encode(number: int) -> str:
    """The 26 characters of a 128-bit number."""
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def decode(text: str) -> int:
    """The number behind an id; `BadRequest` for anything that is none."""
    if len(text) != LENGTH or any(character not in _VALUE for character in text):
        raise BadRequest("not a message id")
    number = 0
    for character in text:
        number = number * 32 + _VALUE[character]
    if number >> 128:
        raise BadRequest("not a message id")
    return number


def next_id(now_ms: int, last: MessageId | None, entropy: int) -> MessageId:
    """The id of a message written now, above `last` whatever the clock says."""
    clock = now_ms << 16
    if last:
        clock = max(clock, (decode(last) >> 64) + 1)
    return MessageId(encode(clock << 64 | entropy))


def time_ms(message_id: MessageId) -> int:
    """Milliseconds since the epoch that the id carries."""
    return decode(message_id) >> 80


def following(message_id: MessageId) -> MessageId:
    """The least id above this one."""
    return MessageId(encode(min(decode(message_id) + 1, (1 << 128) - 1)))


def first_at(at_ms: int) -> MessageId:
    """An id below every one that is written at that time or later."""
    return MessageId(encode(at_ms << 80))


def private_room_id(one: UserId, other: UserId) -> RoomId:
    """The id of the private chat of two people, the same whoever asks first."""
    return RoomId("p-" + _digest("\n".join(sorted((one, other)))))


def moments_room_id(owner: UserId) -> RoomId:
    return RoomId("m-" + _digest(owner))


def notifications_room_id(owner: UserId) -> RoomId:
    return RoomId("n-" + _digest(owner))


def room_type(room_id: RoomId) -> RoomType:
    """The type a room has by its id: nobody chooses an id with one of our prefixes."""
    return _PREFIXES.get(room_id[:2], RoomType.GROUP_CHAT)


def socket_id(transport: ConnectionId, namespace: str) -> ConnectionId:
    """The connection that a Socket.IO namespace of a websocket is; "/" is the websocket's own."""
    return ConnectionId(transport if namespace == "/" else f"{transport}|{namespace}")


def transport_id(connection_id: ConnectionId) -> ConnectionId:
    """The id of the websocket that carries a connection."""
    return ConnectionId(connection_id.partition("|")[0])


def socket_group(sid: str) -> str:
    """The FIFO order group of one device (`Target.origin`), whatever carries it now."""
    return f"c#{sid}"


def user_group(user_id: UserId) -> str:
    """The FIFO order group of what concerns one user."""
    return "u#" + _digest(user_id)


def ack_id(room_id: RoomId, message_id: MessageId) -> int:
    """The number under which a message's receivers are asked for an ack.

    The same for all of them and each time; below 2^48, so that any client can send it back.
    """
    return int(_digest(f"{room_id}/{message_id}")[:12], 16)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
