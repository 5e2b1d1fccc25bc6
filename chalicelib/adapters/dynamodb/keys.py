"""Keys of DynamoDB items that are made of several ids.

The separator `#` is in no room id, user id, connection id, message id or region
(`contract.commands`, `access.tokens`, `kernel.settings`), so different ids give different keys.
`tests/repository/test_keys.py` draws ids and compares.
"""

from __future__ import annotations

HEAD, DEDUPE, ENTRY = "head", "dedupe", "e#"


def stream_key(room_id: str, region: str) -> str:
    """The partition of a stream in the table `messages`."""
    return f"{room_id}#{region}"


def dedupe_key(room_id: str) -> str:
    """The partition of a room's dedupe items in the table `messages`. No region is named so."""
    return f"{room_id}#{DEDUPE}"


def copies_key(room_id: str) -> str:
    """The partition of a room's second copies in the table `messages`. No region is named so."""
    return f"{room_id}#copies"


def entry_key(message_id: str) -> str:
    """The sort key of an entry in its stream."""
    return f"{ENTRY}{message_id}"


def reader_key(user_id: str, region: str) -> str:
    """The sort key of a read marker in the table `reads`."""
    return f"{user_id}#{region}"


def furthest_key(region: str) -> str:
    """The sort key of a room's furthest readers in the table `reads`. No user id is empty."""
    return f"#{region}"


def joined_key(user_id: str, connection_id: str) -> str:
    """The sort key of a connection in the table `room_connections`."""
    return f"{user_id}#{connection_id}"


def claim_key(room_id: str) -> str:
    """The key of a claim in the table `rooms`. No room id is empty or begins with `#`."""
    return f"#{room_id}"
