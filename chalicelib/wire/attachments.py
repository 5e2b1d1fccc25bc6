"""Assemble binary packets from their parts, by the times at which the parts were sent. Pure.

A packet's head (its text) says how many attachments follow. An attachment names neither its
packet nor its index. A client sends its packets one after the other, but the frames of a websocket
are handled in any order. So the order of the times decides. Where two attachments or two heads
have the same millisecond, the packets cannot be assembled.

The attachments of a packet come before the next head. So a packet whose parts are all there does
not wait for an earlier one, of which a part is missing.
https://github.com/socketio/socket.io-protocol#binary-event
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..model.sessions import PacketPart

# Longer than frames overtake each other, cold starts included (ms). A part that has waited for
# longer than this when another one was sent is given up.
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


@dataclass(frozen=True, slots=True)
class _Open:
    """Packets that have begun, and how many of their attachments are missing."""

    parts: tuple[PacketPart, ...]
    missing: int
    certain: bool


def first(parts: Iterable[PacketPart]) -> Whole | None:
    """The first complete packets among a session's parts; None while parts are missing.

    Ignores parts that are `given_up`.
    """
    known = sorted(parts, key=lambda part: (part.at, part.wanted is None))
    lost = given_up(known)
    fresh = [part for part in known if part not in lost]
    begun: _Open | None = None
    for _, group in itertools.groupby(fresh, key=lambda part: part.at):
        same = tuple(group)
        last_of_begun = _last_and_next_head(begun, same)
        if last_of_begun is not None:
            return last_of_begun
        begun = _with(begun, same)
        if begun is not None and begun.missing == 0:
            return Whole(begun.parts, begun.certain)
    return None


def given_up(parts: Iterable[PacketPart], now_ms: int = 0) -> tuple[PacketPart, ...]:
    """Parts that are older than the newest, or than now, by more than `LATE`.

    Other parts of their packets are lost. Parts that came in order have no time.
    """
    timed = sorted((part for part in parts if part.at != part.number), key=lambda part: part.at)
    newest_ms = max((now_ms, *(part.at for part in timed)))
    return tuple(part for part in timed if newest_ms - part.at > LATE)


def misplaced(part: str, waiting: Sequence[PacketPart]) -> bool:
    """Whether a part cannot come now, where parts come in order: see the reference decoder.

    Args:
        waiting: The parts that wait, before this one came.
    """
    attachment = part.startswith("b")
    return attachment is not any(each.wanted is not None for each in waiting)


def _last_and_next_head(begun: _Open | None, same: tuple[PacketPart, ...]) -> Whole | None:
    """The packet that has begun, if it ends in the millisecond in which the next one begins."""
    if begun is None or not begun.certain or begun.missing != 1:
        return None
    kinds = [part.wanted is None for part in same]
    return Whole((*begun.parts, same[-1]), certain=True) if kinds == [False, True] else None


def _with(begun: _Open | None, same: tuple[PacketPart, ...]) -> _Open | None:
    """What has begun after the parts of one more millisecond; None if nothing has.

    A head without attachments beside it, or attachments beyond those that are missing, show that
    a part of what has begun, or a head, has not arrived. What has begun then goes on waiting.
    """
    heads = [part.wanted for part in same if part.wanted is not None]
    loose = len(same) - len(heads)
    certain = len(heads) <= 1 and loose <= 1
    missing = sum(heads) - loose
    if begun is not None and (loose or not heads):
        certain = certain and begun.certain and not heads
        missing += begun.missing
        return _Open((*begun.parts, *same), missing, certain) if missing >= 0 else None
    return _Open(same, missing, certain) if heads and missing >= 0 else None
