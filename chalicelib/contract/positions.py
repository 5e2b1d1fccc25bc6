"""Positions: how far a device has a room, for each region's stream.

A client keeps the position of a `sync`, and moves it only to the next seq of a region. The server
cannot know what a device has, so the position in an ack or event names one entry only.

The text is `region:seq:message_id` for each region, sorted and joined by commas. The empty text
is the start of the room.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..kernel import ids
from ..kernel.errors import BadRequest
from ..model.identifiers import MessageId, Region
from ..model.log import Entry, Head

Position = dict[Region, Head]
_INVALID = "not a position: send one as the server gave it, or an empty one for a snapshot"


def encode(position: Mapping[Region, Head]) -> str:
    """Return the text of a position, without empty streams."""
    known = ((region, head) for region, head in position.items() if head.seq)
    return ",".join(f"{region}:{head.seq}:{head.last_id}" for region, head in sorted(known))


def decode(text: str) -> Position:
    """Parse a position.

    Raises:
        BadRequest: The text is not a position that `encode` made.
    """
    position: Position = {}
    for part in text.split(",") if text else ():
        fields = part.split(":")
        if len(fields) != 3 or not fields[1].isascii() or not fields[1].isdigit():
            raise BadRequest(_INVALID)
        if not fields[0] or len(fields[1]) > 15 or len(position) > 16:
            raise BadRequest(_INVALID)
        ids.decode(fields[2])
        position[Region(fields[0])] = Head(int(fields[1]), MessageId(fields[2]))
    return position


def of(entry: Entry) -> str:
    """Return the position of an entry: of a device that has its stream up to this entry."""
    return encode({entry.region: Head(entry.seq, entry.message_id)})
