"""Offsets: the text that a stock client keeps and sends when it returns. Opaque to clients.

The recovery fields of a CONNECT packet's payload are read here, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..kernel import names
from ..kernel.errors import BadRequest
from ..model.identifiers import Region, RoomId, Stream
from ..model.sessions import Trail

MOST_OFFSET = 2_000  # characters
MOST_STREAMS = 16  # that an offset names
_INVALID = "not an offset: send one as the server gave it"
_TOKEN = re.compile(r"[A-Za-z0-9_=-]{1,64}")  # a checkpoint's name, a pid
_PART = re.compile(f"({names.ROOM}):({names.REGION}):([0-9]{{1,15}})")


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
    if not isinstance(pid, str) or not isinstance(offset, str) or not _TOKEN.fullmatch(pid):
        return None
    try:
        decode(offset)
    except BadRequest:
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
    if len(offset) > MOST_OFFSET or len(parts) > MOST_STREAMS or not _TOKEN.fullmatch(name):
        raise BadRequest(_INVALID)
    since: dict[Stream, int] = {}
    for part in parts:
        fields = _PART.fullmatch(part)
        if fields is None:
            raise BadRequest(_INVALID)
        since[RoomId(fields[1]), Region(fields[2])] = int(fields[3])
    return name, since
