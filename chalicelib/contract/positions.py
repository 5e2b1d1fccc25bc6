"""Positions: how far a device has seen a room, per region's stream. Opaque to clients.

The text is `region:seq:message_id`, regions sorted and joined by commas; the empty text is the
very beginning.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..kernel import ids
from ..kernel.errors import BadRequest
from ..model.identifiers import MessageId, Region
from ..model.log import Entry, Head

Position = dict[Region, Head]


def encode(position: Mapping[Region, Head]) -> str:
    """Empty streams are left out."""
    known = ((region, head) for region, head in position.items() if head.seq)
    return ",".join(f"{region}:{head.seq}:{head.last_id}" for region, head in sorted(known))


def decode(text: str) -> Position:
    """`BadRequest` for a text that no server of ours made."""
    position: Position = {}
    for part in text.split(",") if text else ():
        fields = part.split(":")
        if len(fields) != 3 or not fields[1].isascii() or not fields[1].isdigit():
            raise BadRequest("not a position")
        if not fields[0] or len(fields[1]) > 15 or len(position) > 16:
            raise BadRequest("not a position")
        ids.decode(fields[2])
        position[Region(fields[0])] = Head(int(fields[1]), MessageId(fields[2]))
    return position


def of(entry: Entry) -> str:
    """The position of a device that has seen its stream up to this entry."""
    return encode({entry.region: Head(entry.seq, entry.message_id)})
