"""A few entries that are posted at once to many connections, and what became of the posts.

Pure: it makes the posts and judges their outcomes; it sends and stores nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from .. import wire
from ..contract import events
from ..kernel import telemetry
from ..model.connections import Target
from ..model.delivery import Outcome, Post
from ..model.identifiers import ConnectionId, MessageId, RoomId, UserId
from ..model.log import Entry
from .fanout import posts_for
from .recovering import Begun

Late = list[tuple[Entry, Target]]
MOST_ARRAY = 32_000  # bytes; API Gateway counts a message for each 32 KB


@dataclass(slots=True)
class _Frame:
    """What is posted to a connection at once: one entry, or several in an array."""

    target: Target
    room_id: RoomId | None
    indexes: list[int]
    events: list[bytes]

    def takes(self, event: bytes) -> bool:
        size = sum(map(len, self.events)) + len(event) + len(self.events) + 2
        return self.target.takes_arrays and size <= MOST_ARRAY


@dataclass(frozen=True, slots=True)
class _Sent:
    """An entry that was posted and its outcome; `index` is its place in the window."""

    index: int
    target: Target
    outcome: Outcome


class Window:
    """Entries for connections, in the order of their users.

    Args:
        targets: Connections, sorted by user.
        slow: Those that get entries in groups of their own.
        reached: Users up to this one were served with the first entry before; "" for none.
        begun: The sockets that can recover among the targets.
        left_out: Entries that are done without a post.

    Attributes:
        entries: Those of the given entries that can be encoded.

    Raises:
        Exception: The first entry cannot be encoded.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        targets: Sequence[Target],
        slow: Collection[ConnectionId],
        reached: UserId,
        begun: Begun,
        left_out: Collection[MessageId] = (),
    ) -> None:
        self._targets = targets
        self._slow = {*slow, *begun.others}
        self._reached = reached
        self._begun = begun
        self._left_out = left_out
        self._all = entries
        self._posts = self._encode()
        self.entries = list(entries[: len(self._posts)])
        self._frames = self._together()
        self._sent: list[_Sent] = []
        self._stuck: dict[ConnectionId, tuple[int, Outcome]] = {}

    @property
    def posts(self) -> list[Post]:
        """All posts, entry by entry; clients that take arrays get several entries in one."""
        arrays: dict[tuple[int, ...], bytes] = {}  # the same for all of these clients
        posts = []
        for frame in self._frames:
            data = frame.events[0]
            if len(frame.events) > 1:
                data = arrays.setdefault(tuple(frame.indexes), wire.array(frame.events))
            posts.append(Post(frame.target, data, frame.room_id))
        return posts

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Take the outcomes of `posts`, in order."""
        self._sent = [
            _Sent(index, frame.target, outcome)
            for frame, outcome in zip(self._frames, outcomes, strict=True)
            for index in frame.indexes
        ]
        stuck: dict[ConnectionId, tuple[int, Outcome]] = {}
        for each in self._sent:
            if each.outcome not in (Outcome.DELIVERED, Outcome.TOO_LARGE):
                stuck.setdefault(each.target.origin, (each.index, each.outcome))
        self._stuck = {one: why for one, why in stuck.items() if why[1] is not Outcome.GONE}

    def stuck_at(self, outcome: Outcome) -> list[int]:
        """For each connection that stopped with this outcome: the index of the entry."""
        return [index for index, why in self._stuck.values() if why is outcome]

    def taking(self) -> int:
        """How many connections took a post."""
        return len({e.target.origin for e in self._sent if e.outcome is Outcome.DELIVERED})

    def too_large(self, done: int) -> list[Entry]:
        """Which of the first `done` entries are too large for a post."""
        indexes = {each.index for each in self._sent if each.outcome is Outcome.TOO_LARGE}
        return [self.entries[index] for index in sorted(indexes) if index < done]

    def takers(self, index: int) -> list[Target]:
        """The connections that took an entry."""
        return [
            each.target
            for each in self._sent
            if each.index == index and each.outcome is Outcome.DELIVERED
        ]

    def sent(self) -> dict[str, int | None]:
        """Up to which seq each socket that can recover has been sent the stream; None: nothing.

        Without those of which it is unknown whether a post arrived.
        """
        outcomes = {(each.target.origin, each.index): each.outcome for each in self._sent}
        sent: dict[str, int | None] = {}
        for target in self._targets:
            origin = target.origin
            if origin not in self._begun.trails:
                continue
            sent[origin] = None
            for index, entry in enumerate(self.entries):
                outcome = outcomes.get((origin, index))  # None: it was not to be posted
                if outcome in (Outcome.FAILED, Outcome.GONE):
                    del sent[origin]
                    break
                if outcome not in (None, Outcome.DELIVERED, Outcome.TOO_LARGE):
                    break
                sent[origin] = entry.seq
        return sent

    def late(self, done: int) -> Late:
        """What of the first `done` entries which connections must get in their own groups."""
        return [
            (entry, target)
            for index, entry in enumerate(self.entries[:done])
            for target in self._targets
            if self._is_late(index, target)
        ]

    def place(self, index: int) -> tuple[UserId, Late] | None:
        """How far an entry got when no more posts could be made.

        Returns:
            The last user before the first connection whose post was not made, and what those
            before must get in their own groups; None if no further user was served.
        """
        waiting = {
            origin
            for origin, (at, why) in self._stuck.items()
            if at == index and why in (Outcome.BUSY, Outcome.UNSENT)
        }
        if not waiting:
            return None
        first = min(each.user_id for each in self._targets if each.origin in waiting)
        reached = self._reached if index == 0 else UserId("")
        before = [each for each in self._targets if reached < each.user_id < first]
        if not before:
            return None
        entry = self.entries[index]
        return before[-1].user_id, [(entry, each) for each in before if self._is_late(index, each)]

    def _is_late(self, index: int, target: Target) -> bool:
        entry = self.entries[index]
        if entry.message_id in self._left_out:
            return False
        if target.origin == entry.origin_id or self._has(index, target):
            return False
        if target.origin in self._slow:
            return True
        return target.origin in self._stuck and self._stuck[target.origin][0] <= index

    def _has(self, index: int, target: Target) -> bool:
        """Whether an earlier attempt served this connection with the entry."""
        if wire.recovers(target.protocol):
            return self._begun.has(self._all[index], target)
        return index == 0 and target.user_id <= self._reached

    def _together(self) -> list[_Frame]:
        frames: list[_Frame] = []
        last: dict[ConnectionId, _Frame] = {}
        for index, some in enumerate(self._posts):
            for post in some:
                frame = last.get(post.target.connection_id)
                if frame is not None and frame.takes(post.data):
                    frame.indexes.append(index)
                    frame.events.append(post.data)
                else:
                    frame = _Frame(post.target, post.room_id, [index], [post.data])
                    last[post.target.connection_id] = frame
                    frames.append(frame)
        return frames

    def _encode(self) -> list[list[Post]]:
        posts: list[list[Post]] = []
        ready = [target for target in self._targets if target.origin not in self._slow]
        for index, entry in enumerate(self._all):
            others = [
                target
                for target in ready
                if entry.message_id not in self._left_out
                and target.origin != entry.origin_id
                and not self._has(index, target)
            ]
            try:
                offset = partial(self._begun.offset, entry)
                posts.append(posts_for(events.of_entry(entry), others, entry.room_id, offset))
            except Exception as fault:
                if not posts:
                    raise
                telemetry.error("entry_not_encoded", fault)
                break
        return posts
