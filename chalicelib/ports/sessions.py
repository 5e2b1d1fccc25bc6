"""Engine.IO sessions and the recovery of sockets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.connections import Target
from ..model.identifiers import ConnectionId, Stream
from ..model.sessions import Checkpoint, EngineSession, PacketPart, Trail


class CheckpointStore(Protocol):
    """Where sockets can come back to, from any region; kept for a week."""

    def put(self, checkpoint: Checkpoint, now_ms: int) -> None: ...

    def get(self, checkpoint_id: str) -> Checkpoint | None:
        """Strongly consistent in this region."""

    def use(self, checkpoint_id: str, offset: str) -> bool:
        """True once for each offset (one caller wins)."""


class EngineSessions(Protocol):
    """Engine.IO sessions, in Redis. Every method is one round trip and raises `CacheDown`."""

    def open(self, session: EngineSession) -> None:
        """Remember it, for three hours after it was last heard of."""

    def get(self, sid: ConnectionId) -> EngineSession | None:
        """None also for one that a websocket takes over or has taken over."""

    def ping(self, sid: ConnectionId, before_ms: int, now_ms: int) -> bool:
        """A ping is sent now; False when the last one was not at `before_ms` (atomic)."""

    def pong(self, sid: ConnectionId, now_ms: int) -> EngineSession | None:
        """It was heard of now; None, and nothing kept, when it is not known."""

    def connect(self, sid: ConnectionId, namespace: str) -> None:
        """A namespace was connected; nothing happens to a session that is not known."""

    def gather(self, sid: ConnectionId, at_ms: int | None, part: str) -> list[PacketPart]:
        """Keep a part of a binary packet: its text, which says how many attachments follow, or
        an attachment (`b…`). Answers all that wait now. What waits is forgotten 10 s after the
        last part came.

        Args:
            at_ms: When it was sent; None where parts come in their order.

        Raises:
            TooLarge: More wait than packets may have; they are forgotten.
        """

    def gathered(self, sid: ConnectionId) -> list[PacketPart]:
        """The parts that wait."""

    def hand_out(self, sid: ConnectionId, parts: Sequence[PacketPart]) -> list[str] | None:
        """These, in this order, and forget them (atomic); None when one of them is gone."""

    def close(self, sid: ConnectionId, last: str = "1") -> None:
        """Forget it; a poll that waits gets `last`."""

    def farewell(self, sid: ConnectionId, last: str) -> bool:
        """Whether it was closed with `last` within two seconds and nobody has had that (atomic)."""

    def push(self, sid: ConnectionId, frames: Sequence[str]) -> Target | bool:
        """Put frames of a polling session into its outbox, in order, and wake its poll (atomic).

        False when there is no such session, or it does not fetch them: over 1,000 wait. Where it
        has been upgraded: its websocket, and nothing is kept.
        """

    def poll(self, sid: ConnectionId, poll: str, until_ms: int, now_ms: int) -> bool:
        """A poll begins to wait, at most until then; False when another one waits (atomic).

        Raises:
            NotFound: It is no polling session (any more).
        """

    def take(self, sid: ConnectionId, poll: str) -> list[str] | None:
        """All frames that wait, and the poll is over (atomic); None while there are none.

        A session that has ended or is being upgraded has a last frame for it.
        """

    def wait(self, sid: ConnectionId, seconds: float) -> None:
        """Return when something was pushed, or after so many seconds."""

    def probe(self, sid: ConnectionId, now_ms: int) -> None:
        """A websocket would take it over (0: no more); a poll that waits is let go with a noop."""

    def drain(self, sid: ConnectionId, to: Target, mover: str, now_ms: int) -> EngineSession | None:
        """Its frames are from now on for this websocket; what was pushed waits for `queued`.

        None when it is no polling session, or is being upgraded to another websocket. From now on
        nobody but `mover` may move the frames (atomic).

        Raises:
            Conflict: Another mover was at it in the last 10 s.
        """

    def queued(self, sid: ConnectionId, mover: str, done: int, now_ms: int) -> list[str] | None:
        """Forget the first `done` frames of a draining session; answers those that still wait.

        When none does, it is upgraded. None, and nothing forgotten, when the mover is not (any
        more) this one (atomic).
        """


class Trails(Protocol):
    """How far sockets that can recover have been sent their streams, in Redis.

    Of one sid one job at a time calls these, but for `follow`. Each is one round trip and raises
    `CacheDown`. What is not written to for three hours is forgotten.
    """

    def start(self, sid: str, trail: Trail, seen: Mapping[Stream, int]) -> None:
        """Replace what is known; `begin` finds it as given."""

    def begin(self, sid: str, stream: Stream) -> Trail | None:
        """Entries of this stream will be posted: until `done` or `undo` all is in doubt.

        None, and nothing kept, when nothing is known of the socket.
        """

    def done(self, sid: str, trail: Trail, stream: Stream, seq: int) -> None:
        """They were, up to `seq`; keeps the trail's `since` and checkpoint."""

    def undo(self, sid: str) -> None:
        """Nothing was posted."""

    def seen(self, sid: str) -> dict[Stream, int]:
        """All streams."""

    def follow(self, sid: str, target: Target) -> None:
        """The socket goes on elsewhere; nothing happens to one that is not known."""
