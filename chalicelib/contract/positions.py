"""Positions: how far a device has a room, for each region's stream.

A client keeps the position of a `sync`, and moves it only to the next seq of a region. The server
cannot know what a device has, so the position in an ack or event names one entry only.

The text is `region:seq:message_id` for each region, sorted and joined by commas. The empty text
is the start of the room. A position of several regions names all of them: seq 0 and an id of
zeros say that nothing of a region was there yet. Of a region that it does not name, nothing was
seen since the position was made: it is older than that region, or it is of one entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..kernel import ids, names
from ..kernel.errors import BadRequest
from ..model.identifiers import MessageId, Region
from ..model.log import Entry, Head

Position = dict[Region, Head]
MOST_PARTS = 16
_NOTHING = ids.encode(0)
_REGION, _SEQ = re.compile(names.REGION), re.compile("[0-9]{1,15}")
_INVALID = "not a position: send one as the server gave it, or an empty one for a snapshot"


def encode(position: Mapping[Region, Head]) -> str:
    """Return the text of a position; of an empty stream only if there are others."""
    known = sorted(position.items()) if len(position) > 1 or _any(position) else []
    return ",".join(f"{region}:{head.seq}:{head.last_id or _NOTHING}" for region, head in known)


def decode(text: str) -> Position:
    """Parse a position.

    Raises:
        BadRequest: The text is not a position that `encode` made.
    """
    position: Position = {}
    parts = text.split(",") if text else []
    if len(parts) > MOST_PARTS:
        raise BadRequest(_INVALID)
    for part in parts:
        fields = part.split(":")
        if len(fields) != 3 or not _SEQ.fullmatch(fields[1]) or not _REGION.fullmatch(fields[0]):
            raise BadRequest(_INVALID)
        region, seq = Region(fields[0]), int(fields[1])
        ids.decode(fields[2])
        position[region] = Head(seq, MessageId(fields[2] if seq else ""))
    return position


def made_at(position: Mapping[Region, Head]) -> MessageId:
    """Return the id of the newest entry that a position has: it was made then, or later."""
    return max((head.last_id or MessageId("") for head in position.values()), default=MessageId(""))


def _any(position: Mapping[Region, Head]) -> bool:
    return any(head.seq for head in position.values())


def of(entry: Entry) -> str:
    """Return the position of an entry: of a device that has its stream up to this entry."""
    return encode({entry.region: Head(entry.seq, entry.message_id)})
