"""Offsets: the text that a stock client keeps and sends when it returns. Opaque to clients.

The recovery fields of a CONNECT packet's payload are read here, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..kernel.errors import BadRequest
from ..model.identifiers import Region, RoomId, Stream
from ..model.sessions import Trail

MOST_OFFSET = 2_000  # characters


@dataclass(frozen=True, slots=True)
class RecoveryClaim:
    """What a returning client sends about its earlier socket: the session's secret, its offset."""

    pid: str
    offset: str


def claim_of(payload: object) -> RecoveryClaim | None:
    """Return the claim in a CONNECT packet's payload; None when there is no valid one."""
    if not isinstance(payload, dict):
        return None
    pid, offset = payload.get("pid"), payload.get("offset")
    if not isinstance(pid, str) or not isinstance(offset, str) or len(offset) > MOST_OFFSET:
        return None
    return RecoveryClaim(pid, offset)


def wanted(payload: object, understands: bool) -> bool:
    """Whether a CONNECT asks for recovery, or its client is known to support it."""
    if not isinstance(payload, dict):
        return understands
    asked = payload.get("recovery")
    return asked if isinstance(asked, bool) else understands or "pid" in payload


def encode(trail: Trail, stream: Stream, seq: int) -> str:
    """Return the offset of an entry: what the socket has when it gets this entry.

    The checkpoint, then `;room:region:seq` for each stream that was sent further.
    """
    since = [each for each in trail.since if each[:2] != stream]
    streams = (f";{room}:{region}:{at}" for room, region, at in (*since, (*stream, seq)))
    return trail.checkpoint_id + "".join(streams)


def decode(offset: str) -> tuple[str, dict[Stream, int]]:
    """Parse an offset.

    Raises:
        BadRequest: The text is not an offset that `encode` made.
    """
    name, *parts = offset.split(";")
    since: dict[Stream, int] = {}
    for part in parts:
        room, _, rest = part.partition(":")
        region, _, seq = rest.partition(":")
        if not room or not region or not (seq.isascii() and seq.isdigit()) or len(seq) > 15:
            raise BadRequest("not an offset")
        since[RoomId(room), Region(region)] = int(seq)
    return name, since
