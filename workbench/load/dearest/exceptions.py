"""Requests that may read or write more than the others, with the reason of each."""

from __future__ import annotations

from collections.abc import Mapping

MOST_READS, MOST_WRITES = 50, 20

_OWED = "what it consumes beyond 50 units read or 20 written is owed, so the next ones wait"
_MEMBERS = (
    "the members of a room are read once after each change, then Redis has them; a room of 10,000 "
    "with ids of 128 characters is 2.3 MB"
)
_VIEWERS = f"{_MEMBERS}; likewise who has it open, when Redis has lost that"
_MESSAGE = (
    "a transaction writes two units for each KB of a message, which pays by its size and its "
    f"receivers; then {_MEMBERS}"
)
_FRIENDS = (
    "who the friends are is read twice, from the table and its index, and with over 1,000 friends "
    "again 5 s later, to send several changes as one"
)

# By the name of the kind; those of the same name share a reason.
WHY: Mapping[str, str] = {
    "`send_message`": _MESSAGE,
    "`delete_message`": (
        "the deleted message is written again without its content, at two units for each KB; then "
        f"{_MEMBERS}"
    ),
    "`join_room`": f"{_VIEWERS}. A device's list of open rooms is written with each: {_OWED}",
    "`leave_room`": _VIEWERS,
    "`typing_start`": _VIEWERS,
    "`message_read`": (
        "a job reads the newest messages before the marker, 10 at once and 50 at most, for their "
        "senders; and of a large room all markers, at most once in 5 s"
    ),
    "`set_status`": _FRIENDS,
    "`sync`": (
        "each conversation costs some six units; new messages are read until a frame is full, with "
        f"at most 150 units in vain: {_OWED}"
    ),
    "`POST /v1/rooms`": f"each participant is an item and one of an index: {_OWED}",
    "`GET /v1/rooms`": f"seven units for each room; pages of 100 with `limit`: {_OWED}",
    "`GET /v1/rooms/{room_id}`": f"it lists all members: {_OWED}",
    "`POST /v1/rooms/{room_id}/members`": f"it counts the members: {_OWED}. Then {_MEMBERS}",
    "`DELETE /v1/rooms/{room_id}/members/{user_id}`": _VIEWERS,
    "`GET /v1/rooms/{room_id}/messages`": f"messages of 64 KB are 16 units each: {_OWED}",
    "`POST /v1/rooms/{room_id}/messages`": _MESSAGE,
    "`DELETE /v1/rooms/{room_id}/messages/{message_id}`": "as the action `delete_message`",
    "`GET /v1/friends`": f"two units for each friend; pages of 100 with `limit`: {_OWED}",
    "`PUT /v1/friends/{user_id}`": f"it counts the friends: {_OWED}",
    "`GET /v1/presence`": f"the rooms of each user who is no friend are read: {_OWED}",
    "`POST /v1/moments`": f"the friends are read as the members of a room are; {_OWED}",
    "`GET /v1/moments`": (
        "a unit for the feed of each friend, to find the newest; messages of 64 KB are 16 units "
        f"each: {_OWED}"
    ),
    "`GET /v1/notifications`": f"messages of 64 KB are 16 units each: {_OWED}",
    "`GET /v1/invitations`": f"the rooms are read, which may have metadata of 4 KB: {_OWED}",
    "`GET /v1/blocks`": f"it lists all blocks: {_OWED}",
    "`PUT /v1/blocks/{user_id}`": f"it counts the blocks: {_OWED}",
    "connect, JSON": _FRIENDS,
    "connect, JSON: one too many": "all connections of the user are counted, in the store",
    "disconnect, JSON": "each room that the device had open is left, at two units",
    "CONNECT, Socket.IO": (
        f"{_FRIENDS}. Recovery reads the head of each room and of each friend's moments; a user "
        "connects 5 times a second at most"
    ),
    "`POST /v1/notifications`": f"64 KB; {_OWED}",
    "`POST /v1/admin/users/{user_id}/disconnect`": "all connections of the user are closed",
}
