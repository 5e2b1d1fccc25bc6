"""Tails: whose messages the newest entries of a stream are, kept with its head.

Unread messages are counted from the head alone: the messages of others in the tail after the
user's marker. So no message is read for a count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ..model.identifiers import UserId
from ..model.log import Entry, EntryKind

LENGTH = 100  # entries; with them a head stays below 1 KB, which is one write unit
NOBODY = 0  # the author of a deletion, and of a deleted message
AUTHORS = 10_000_000


def author(user_id: UserId) -> int:
    """A number for a user, from 1; two users have the same one once in ten million."""
    digest = hashlib.sha256(user_id.encode()).digest()
    return 1 + int.from_bytes(digest[:8], "big") % (AUTHORS - 1)


def written(entry: Entry) -> dict[int, int]:
    """What appending the entry changes in its stream's tail: authors by seq."""
    if entry.kind is EntryKind.MESSAGE:
        return {entry.seq: author(entry.sender_id)}
    target_seq = entry.content.get("seq") if entry.content["region"] == entry.region else None
    if target_seq is None or target_seq <= entry.seq - LENGTH:
        return {entry.seq: NOBODY}
    return {entry.seq: NOBODY, target_seq: NOBODY}


def unread(tail: Mapping[int, int], head_seq: int, after_seq: int, reader: UserId) -> int | None:
    """The messages of others after a seq; None if the tail does not say.

    Exact if at most `LENGTH` entries follow. Of older entries all count, whosever they are.
    """
    first = max(after_seq, head_seq - LENGTH) + 1
    authors = [tail.get(seq) for seq in range(first, head_seq + 1)]
    if None in authors:
        return None  # written by an earlier version
    others = sum(each not in (NOBODY, author(reader)) for each in authors)
    return others + first - 1 - after_seq
