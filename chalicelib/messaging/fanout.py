"""What a delivery consists of: the posts of an event, the parts of a large room, the jobs queued.

Pure functions on data: nothing here posts, sends or stores.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .. import wire
from ..contract import events
from ..contract.events import Event
from ..jobs.delivery import DeliverPart
from ..jobs.outbound import RetryEvent
from ..kernel.records import MOST_JOB_BYTES, dump, job_to_text, target_to_json
from ..model.connections import Target
from ..model.delivery import Post
from ..model.log import Entry

PARTS = 16
PART_TARGETS = 400
RETRY_DELAYS_S = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class RoomPart:
    """A share of a large room's delivery.

    Attributes:
        number: The number of the share; a device is always in the same one.
        start: The index of the first of these targets in the share.
    """

    number: int
    start: int
    targets: tuple[Target, ...]


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


def plan_parts(targets: Sequence[Target], room_for: int = MOST_JOB_BYTES) -> list[RoomPart]:
    """Split targets by a stable hash of the device, so that each device keeps its order group.

    The parts of the groups alternate, because a send to SQS has at most one job of each group.

    Args:
        room_for: How many bytes the targets of a part may take in its job.
    """
    buckets: dict[int, list[Target]] = {}
    for target in targets:
        buckets.setdefault(zlib.crc32(target.origin.encode()) % PARTS, []).append(target)
    parts = {
        k: [
            RoomPart(k, start, tuple(bucket[start:end])) for start, end in _slices(bucket, room_for)
        ]
        for k, bucket in sorted(buckets.items())
    }
    most = max(map(len, parts.values()), default=0)
    return [
        found[number] for number in range(most) for found in parts.values() if number < len(found)
    ]


def _slices(targets: Sequence[Target], room_for: int) -> Iterator[tuple[int, int]]:
    """Yield where each part of a bucket starts and ends, within both limits: targets and bytes."""
    start, size = 0, 0
    for at, target in enumerate(targets):
        length = len(dump(target_to_json(target))) + 1
        if at > start and (at - start == PART_TARGETS or size + length > room_for):
            yield start, at
            start, size = at, 0
        size += length
    if targets:
        yield start, len(targets)


def posts_for(event: Event, targets: Iterable[Target]) -> list[Post]:
    """Return one post for each target that takes the event, encoded once for each protocol."""
    encoded: dict[str, bytes | None] = {}
    posts = []
    for target in targets:
        if target.protocol not in encoded:
            encoded[target.protocol] = wire.encode(target.protocol, event)
        frame = encoded[target.protocol]
        if frame is not None:
            posts.append(Post(target, frame))
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


def part_jobs(entries: Iterable[Entry], targets: Sequence[Target]) -> Iterator[DeliverPart]:
    """Yield the jobs for the parts of a large room, entry by entry."""
    for entry in entries:
        room_for = MOST_JOB_BYTES - len(job_to_text(DeliverPart(entry=entry, targets=())))
        for part in plan_parts(without(targets, entry.origin_id), room_for):
            yield DeliverPart(entry=entry, targets=part.targets, part=part.number, start=part.start)


def retry_job(event: Event, target: Target, attempt: int) -> RetryEvent:
    """Return the delayed job that retries an event that is in no log."""
    delay_s = RETRY_DELAYS_S[min(attempt, len(RETRY_DELAYS_S) - 1)]
    return RetryEvent(event=event, target=target, attempt=attempt, delay_s=delay_s)


def without(targets: Sequence[Target], origin: str | None) -> list[Target]:
    return [target for target in targets if target.origin != origin]
