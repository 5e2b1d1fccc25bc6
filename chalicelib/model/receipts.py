"""How far users have read a room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .identifiers import MessageId, Region, UserId

_UNKNOWN = Region("")

# The seq up to which each region's stream was read. What arrives late can have a lower id than
# what was read, so ids do not say it. Empty where a deployment has one region.
Seen = Mapping[Region, int]


MAX_UNREAD = 100


@dataclass(frozen=True, slots=True)
class Marker:
    """The last message a user has read in a room, and when they marked it as read.

    Attributes:
        region: The region of the message's stream; "" in markers of earlier versions.
        seq: The message's seq there; 0 in markers of earlier versions.
        seen: What else they have read, in a deployment of several regions.
        shown: How far others may know that they have read; None: all of it.
    """

    user_id: UserId
    message_id: MessageId
    read_ms: int
    region: Region = _UNKNOWN
    seq: int = 0
    seen: Seen = field(default_factory=dict)
    shown: Reading | None = None

    @property
    def reading(self) -> Reading:
        """What others may know."""
        return self.shown or Reading(self.user_id, self.message_id, self.all_seen)

    def silently(self) -> Marker:
        """Return the marker to move where nobody else is to know of it."""
        return replace(self, shown=Reading(self.user_id, MessageId("")))

    def up_to(self, region: Region) -> int | None:
        """Return the seq up to which a region's stream is read; None if only ids say."""
        own = self.seq if region == self.region else 0
        return max(own, self.seen.get(region, 0)) if own or region in self.seen else None

    def covers(self, region: Region, seq: int, message_id: MessageId) -> bool:
        """Whether this entry was read."""
        up_to = self.up_to(region)
        return message_id <= self.message_id if up_to is None else seq <= up_to

    @property
    def all_seen(self) -> Seen:
        """What was read of each stream, with the message's own; empty if only ids say."""
        return _merged(self.seen, {self.region: self.seq}) if self.seen else {}


def joined(one: Marker, other: Marker) -> Marker:
    """Return the marker that covers what either covers; `one` if that is as far."""
    last, first = (one, other) if one.message_id >= other.message_id else (other, one)
    seen = _merged(last.seen, first.all_seen)
    if first.seq and not first.seen and (last.seen or first.region != last.region):
        seen = _merged(seen, {first.region: first.seq})
    return last if seen == last.seen else replace(last, seen=seen)


def moved(held: Marker | None, marker: Marker) -> Marker:
    """Return what a marker becomes that is moved; `held` if that is as far already.

    Of a marker that moves silently, others may know what they may have known before.
    """
    if held is not None:
        further = joined(held, marker)
        said_again = marker.shown is None and marker.message_id == held.message_id
        if replace(further, shown=held.shown) == held and not said_again:
            return held
        return replace(further, shown=held.reading if marker.shown is not None else None)
    return marker


@dataclass(frozen=True, slots=True)
class Reading:
    """How far one of those who have read a room furthest has read it."""

    user_id: UserId
    message_id: MessageId
    seen: Seen = field(default_factory=dict)

    def covers(self, region: Region, seq: int, message_id: MessageId) -> bool:
        """Whether this user has read the entry."""
        up_to = self.seen.get(region)
        return message_id <= self.message_id if up_to is None else seq <= up_to


def furthest(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Return the two users who have read furthest, the furthest first; the earlier in a tie.

    Two are enough to say for every user how far anybody else has read. Of several regions there
    are two for each stream.
    """
    best: dict[UserId, Reading] = {}
    for each in readings:
        held = best.setdefault(each.user_id, each)
        last = each if held.message_id < each.message_id else held
        best[each.user_id] = replace(last, seen=_merged(held.seen, each.seen))
    by_id = sorted(best.values(), key=lambda each: each.message_id, reverse=True)
    chosen = by_id[:2]
    for region in sorted({region for each in by_id for region in each.seen}):
        chosen += sorted(by_id, key=lambda each: each.seen.get(region, 0), reverse=True)[:2]
    users = {each.user_id for each in chosen}
    return tuple(each for each in by_id if each.user_id in users)


def _merged(one: Seen, other: Seen) -> Seen:
    return {
        region: max(one.get(region, 0), other.get(region, 0))
        for region in {**one, **other}
        if region != _UNKNOWN
    }


@dataclass(frozen=True, slots=True)
class Unread:
    """A user's unread messages in one room.

    Attributes:
        count: Messages of others after the marker, up to `MAX_UNREAD`. Exact if at most 100 entries
            follow the marker; of more, those before the newest 100 count whosever they are.
        marker: How far the user has read, if there is a marker.
        unreadable: The log cannot be read, so that there is no count.
    """

    count: int
    marker: Marker | None
    unreadable: bool = False

    @property
    def last_read(self) -> MessageId | None:
        """The marker's message."""
        return self.marker.message_id if self.marker is not None else None
