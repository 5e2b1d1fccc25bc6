"""Offsets: the text a stock client keeps and shows when it comes back. Opaque to clients."""

from __future__ import annotations

from ..kernel.errors import BadRequest
from ..model.identifiers import Region, RoomId, Stream
from ..model.sessions import Trail


def encode(trail: Trail) -> str:
    """The offset of what a trail has sent: a checkpoint, and `;room:region:seq` since."""
    return trail.checkpoint_id + "".join(f";{r}:{g}:{seq}" for r, g, seq in trail.since)


def decode(offset: str) -> tuple[str, dict[Stream, int]]:
    """`BadRequest` for a text that no server of ours made."""
    name, *parts = offset.split(";")
    since: dict[Stream, int] = {}
    for part in parts:
        room, _, rest = part.partition(":")
        region, _, seq = rest.partition(":")
        if not room or not region or not (seq.isascii() and seq.isdigit()) or len(seq) > 15:
            raise BadRequest("not an offset")
        since[RoomId(room), Region(region)] = int(seq)
    return name, since
