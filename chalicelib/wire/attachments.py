"""Assemble binary packets from their parts, by the times at which the parts were sent. Pure.

A packet's head (its text) says how many attachments follow. An attachment names neither its
packet nor its index. A client sends its packets one after the other, but their frames are
handled in any order. So the order of the times decides. Where two attachments or two heads have
the same millisecond, the packets cannot be assembled.
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
    """The parts of complete packets.

    Attributes:
        parts: Of one packet, its head first; or of several packets, mixed.
        certain: The parts are one packet, and its attachments are in order.
    """

    parts: tuple[PacketPart, ...]
    certain: bool


def first(parts: Iterable[PacketPart]) -> Whole | None:
    """The first complete packets among a session's parts; None while parts are missing.

    Ignores parts that are older than the newest by more than `LATE`: their packets are lost.
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
            return None  # a packet begins before the previous one is complete
        certain = certain and len(wanted) <= 1 and loose <= 1
        if certain and wanted and missing:
            return Whole((*taken, same[-1]), certain)
        taken += same
        missing += sum(wanted) - loose
        if missing < 0:
            return None  # attachments whose head has not arrived
        if missing == 0:
            return Whole(tuple(taken), certain)
    return None
