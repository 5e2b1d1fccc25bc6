"""Which parts of binary packets belong together, by the times at which they were sent. Pure.

A packet's text, its head, says how many attachments follow; an attachment says neither whose it
is nor which. A client sends packets whole, one after the other, but their frames are handled in
any order. So times decide, and where they cannot (two attachments of one millisecond, or two
heads) the packets in question cannot be put together.
https://github.com/socketio/socket.io-protocol#binary-event
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from ..model.sessions import PacketPart

LATE = 10_000


@dataclass(frozen=True, slots=True)
class Whole:
    """Parts that are whole packets.

    Attributes:
        parts: Of one packet, its head first; or of several that cannot be told apart.
        certain: It is one packet, and its attachments are in order.
    """

    parts: tuple[PacketPart, ...]
    certain: bool


def first(parts: Iterable[PacketPart]) -> Whole | None:
    """The first whole packets of a session's parts; None while some of theirs are under way.

    Parts older by `LATE` than the newest miss others for good, and do not count.
    """
    known = sorted(parts, key=lambda part: (part.at, part.wanted is None))
    fresh = [part for part in known if known[-1].at - part.at <= LATE]
    taken: list[PacketPart] = []
    missing, certain = 0, True
    for _, group in itertools.groupby(fresh, key=lambda part: part.at):
        same = list(group)
        wanted = [part.wanted for part in same if part.wanted is not None]
        loose = len(same) - len(wanted)
        if wanted and missing > loose:
            return None  # a packet begins, and the one before it is not whole
        certain = certain and len(wanted) <= 1 and loose <= 1
        if certain and wanted and missing:
            return Whole((*taken, same[-1]), certain)
        taken += same
        missing += sum(wanted) - loose
        if missing < 0:
            return None  # attachments of a head that is under way
        if missing == 0:
            return Whole(tuple(taken), certain)
    return None
