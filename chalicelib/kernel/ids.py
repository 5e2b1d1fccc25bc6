"""Message ids that sort by time, room ids derived from users, and ids of sockets and groups.

A message id is 128 bits in Crockford base32 (26 characters, ASCII order = number order): 48 bits of
milliseconds, 16 bits of logical counter, 64 random bits. The first two are the hybrid logical
clock of Kulkarni et al., "Logical Physical Clocks" (2014): ids only grow within a stream, even
when a machine's clock runs backwards.
"""

from __future__ import annotations

import hashlib
import zlib

from ..model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ..model.rooms import RoomType
from .errors import BadRequest

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
LENGTH = 26
MOST_AHEAD_MS = 60_000  # a clock further ahead is wrong, and is not followed
BUCKETS = 64  # of a region's users; a change moves all users to other buckets
_PREFIXES = {
    "p-": RoomType.PRIVATE_CHAT,
    "m-": RoomType.MOMENTS,
    "n-": RoomType.NOTIFICATIONS,
}


def encode(number: int) -> str:
    """The 26 characters of a 128-bit number."""
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def decode(text: str) -> int:
    """The number that an id encodes; `BadRequest` if the text is not a message id."""
    if len(text) != LENGTH or any(character not in _VALUE for character in text):
        raise BadRequest("not a message id; expected 26 characters of Crockford base32")
    number = 0
    for character in text:
        number = number * 32 + _VALUE[character]
    if number >> 128:
        raise BadRequest("not a message id; expected 26 characters of Crockford base32")
    return number


def next_id(
    now_ms: int, last: MessageId | None, entropy: int, seen: MessageId | None = None
) -> MessageId:
    """The id of a message written now; always above `last`, even if the clock went back.

    Args:
        last: The id before it in its stream.
        seen: The newest id of other streams that the writer has seen. The new id is above it,
            unless it is more than `MOST_AHEAD_MS` ahead of the clock.
    """
    clock = now_ms << 16
    if last:
        clock = max(clock, (decode(last) >> 64) + 1)
    if seen and time_ms(seen) <= now_ms + MOST_AHEAD_MS:
        clock = max(clock, (decode(seen) >> 64) + 1)
    return MessageId(encode(clock << 64 | entropy))


def time_ms(message_id: MessageId) -> int:
    """The id's time in milliseconds since the epoch."""
    return decode(message_id) >> 80


def following(message_id: MessageId) -> MessageId:
    """The smallest id above this one."""
    return MessageId(encode(min(decode(message_id) + 1, (1 << 128) - 1)))


def first_at(at_ms: int) -> MessageId:
    """An id at or below every id written at that time or later."""
    return MessageId(encode(at_ms << 80))


def private_room_id(one: UserId, other: UserId) -> RoomId:
    """The id of the private chat of two users, independent of their order."""
    return RoomId("p-" + _digest("\n".join(sorted((one, other)))))


def moments_room_id(owner: UserId) -> RoomId:
    return RoomId("m-" + _digest(owner))


def notifications_room_id(owner: UserId) -> RoomId:
    return RoomId("n-" + _digest(owner))


def room_type(room_id: RoomId) -> RoomType:
    """The room type that the id implies; clients cannot create ids with these prefixes."""
    return _PREFIXES.get(room_id[:2], RoomType.GROUP_CHAT)


def socket_id(transport: ConnectionId, namespace: str) -> ConnectionId:
    """The connection id of a Socket.IO namespace; for "/" it is the websocket's own id."""
    return ConnectionId(transport if namespace == "/" else f"{transport}|{namespace}")


def transport_id(connection_id: ConnectionId) -> ConnectionId:
    """The id of the websocket that carries a connection."""
    return ConnectionId(connection_id.partition("|")[0])


def socket_group(sid: str) -> str:
    """The FIFO order group of one device, by its `Target.origin`: an upgrade does not change it."""
    return f"c#{sid}"


def user_group(user_id: UserId) -> str:
    """The FIFO order group of jobs about one user."""
    return "u#" + _digest(user_id)


def message_dedupe(sender: UserId, client_message_id: str, region: Region | None = None) -> str:
    """The dedupe key of a message in its room's log. A user id has no `#` and is not empty.

    Args:
        region: The region that writes, if there are several: two that write one item at a time
            would lose one. Its name has a hyphen, so it is no other kind of key.
    """
    key = f"{sender}#{client_message_id}"
    return f"#{region}#{key}" if region is not None else key


def deletion_dedupe(message_id: MessageId) -> str:
    """The dedupe key of a deletion in its room's log: no user's messages have such a key."""
    return f"#deletion#{message_id}"


def regional_key(key: str, region: Region | None) -> str:
    """The key of a region's own item about a user or a thing; None: of the item that all share.

    Neither key has a `#`. Of one key, the shared one is the first and all others follow it.
    """
    return key if region is None else f"{key}#{region}"


def of_regional_key(key: str) -> tuple[UserId, Region | None]:
    """The user and the region of such a key."""
    user_id, _, region = key.partition("#")
    return UserId(user_id), Region(region) if region else None


def user_bucket(user_id: UserId) -> int:
    """The bucket of a user, below `BUCKETS`: the registry of connections is kept in buckets."""
    return zlib.crc32(user_id.encode()) % BUCKETS


def ack_id(room_id: RoomId, message_id: MessageId) -> int:
    """The Socket.IO ack id with which receivers confirm a message.

    It is the same for all receivers and all attempts, and below 2^48, so that every client can
    represent it.
    """
    return int(_digest(f"{room_id}/{message_id}")[:12], 16)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
