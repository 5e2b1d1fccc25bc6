"""What a delivery consists of: the posts of an event, the parts of a large room, the jobs queued.

Pure functions on data: nothing here posts, sends or stores.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .. import wire
from ..contract import events
from ..contract.events import Event
from ..jobs.delivery import DeliverPart
from ..jobs.outbound import RetryEvent
from ..model.connections import Target
from ..model.delivery import Post
from ..model.identifiers import RoomId, UserId
from ..model.log import Entry

PARTS = 16
RETRY_DELAYS_S = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of a set of posts: counts, and the targets to try again.

    Attributes:
        retry: Connections that did not take their posts.
        busy: Connections whose posts were refused together with many others.
        unsent: Connections whose posts were not sent, because the budget was used up.
        ended: Connections that are gone.
    """

    delivered: int = 0
    gone: int = 0
    refused: int = 0
    retry: tuple[Target, ...] = ()
    busy: tuple[Target, ...] = ()
    unsent: tuple[Target, ...] = ()
    ended: tuple[Target, ...] = ()

    @property
    def left(self) -> tuple[Target, ...]:
        return self.retry + self.busy + self.unsent


def part_of(user_id: UserId) -> int:
    """Return the part of large rooms in which a user's devices are; always the same one."""
    return zlib.crc32(user_id.encode()) % PARTS


def part_jobs(entry: Entry) -> list[DeliverPart]:
    """Return the jobs that deliver a large room's stream up to this entry."""
    return [DeliverPart(entry=entry, part=part) for part in range(PARTS)]


def posts_for(
    event: Event,
    targets: Iterable[Target],
    room_id: RoomId | None = None,
    offset: Callable[[Target], str] | None = None,
) -> list[Post]:
    """Return one post for each target that takes the event, encoded once for each protocol.

    Args:
        room_id: The room whose share of the region's posts they use.
        offset: For an entry, its offset for a socket that can recover.
    """
    encoded: dict[str, bytes | None] = {}
    posts = []
    for target in targets:
        if target.protocol not in encoded:
            encoded[target.protocol] = wire.encode(target.protocol, event)
        frame = encoded[target.protocol]
        if frame is None:
            continue
        if offset is not None and wire.recovers(target.protocol):
            frame = wire.with_offset(frame, offset(target))
        posts.append(Post(target, frame, room_id))
    return posts


def asked(entry: Entry, target: Target) -> bool:
    """Whether a device is asked to ack a message: the sender wants a receipt and is another user.

    JSON clients are not asked, as they have no acks: they see the message's `delivery_receipt` and
    send the action `message_delivered`.
    """
    name = events.of_message(entry.room_id).name
    return (
        entry.delivery_receipt
        and entry.sender_id != target.user_id
        and not wire.is_json(target.protocol)
        and wire.takes(target.protocol, name)
    )


def retry_job(event: Event, target: Target, attempt: int) -> RetryEvent:
    """Return the delayed job that retries an event that is in no log."""
    delay_s = RETRY_DELAYS_S[min(attempt, len(RETRY_DELAYS_S) - 1)]
    return RetryEvent(event=event, target=target, attempt=attempt, delay_s=delay_s)


def without(targets: Sequence[Target], origin: str | None) -> list[Target]:
    return [target for target in targets if target.origin != origin]
