"""Engine.IO sessions and the recovery of sockets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..model.access import Charge, Paid
from ..model.connections import Target
from ..model.identifiers import ConnectionId, Stream
from ..model.sessions import Checkpoint, End, EngineSession, PacketPart, StreamsSent, Trail


class CheckpointStore(Protocol):
    """Checkpoints from which sockets can recover, in any region; kept for a week."""

    def put(self, checkpoint: Checkpoint, now_ms: int) -> None: ...

    def get(self, checkpoint_id: str) -> Checkpoint | None:
        """Strongly consistent in this region."""

    def use(self, checkpoint_id: str, offset: str) -> bool:
        """True for the first use of an offset, then False (one caller wins).

        False also when `MOST_USES` other offsets were used: clients use a checkpoint once or twice.
        """


class EngineSessions(Protocol):
    """Engine.IO sessions, in Redis. Every method is one round trip and may raise `CacheDown`.

    A session's state changes as `model.lifecycle` says, atomically with what the method does.
    """

    def open(self, session: EngineSession) -> None:
        """Store it, until three hours after it was last heard from."""

    def get(self, sid: ConnectionId) -> EngineSession | None:
        """None if unknown, or if a websocket takes or has taken it over."""

    def pay(
        self, sid: ConnectionId, charge: Charge, *, named: bool = False
    ) -> tuple[EngineSession | None, Paid]:
        """Take the charge's tokens from the session's own bucket; return the session as `get` does.

        Args:
            named: The client has named the session: if it is unknown, nothing is stored. One of a
                websocket pays also when it is not, or no longer, known.
        """

    def ping(self, sid: ConnectionId, before_ms: int, now_ms: int) -> bool:
        """Store that a ping is sent now; False if the last one was not at `before_ms` (atomic)."""

    def pong(self, sid: ConnectionId, now_ms: int) -> EngineSession | None:
        """Store that it was heard from now; None, and nothing stored, if it is unknown."""

    def connect(self, sid: ConnectionId, namespace: str) -> bool:
        """Store that a namespace was connected; False, and no effect, if the session is unknown."""

    def disconnect(self, sid: ConnectionId, namespace: str) -> None:
        """Store that a namespace is no longer connected."""

    def gather(self, sid: ConnectionId, at_ms: int | None, part: str) -> list[PacketPart]:
        """Store a part of a binary packet and return all parts that wait now.

        A part is the packet's text, which says how many attachments follow, or an attachment
        (`b…`). Parts are dropped a minute after the last one arrived.

        Args:
            at_ms: When it was sent; None if parts arrive in order.

        Raises:
            TooLarge: Too many parts or bytes waited; they were dropped.
        """

    def gathered(self, sid: ConnectionId) -> list[PacketPart]:
        """The parts that wait now."""

    def hand_out(self, sid: ConnectionId, parts: Sequence[PacketPart]) -> list[str] | None:
        """Remove these parts and return them in this order (atomic); None if one is gone."""

    def close(self, sid: ConnectionId, end: End = End.SERVER) -> None:
        """Remove it; a waiting poll gets the packet of this end."""

    def farewell(self, sid: ConnectionId) -> bool:
        """Whether its client closed it in the last two seconds; True only once (atomic)."""

    def push(self, sid: ConnectionId, frames: Sequence[str]) -> Target | bool:
        """Append frames to a polling session's write buffer and wake its poll (atomic).

        False if there is no such session, or if its client does not fetch frames: over 1,000, or
        over 2,000,000 bytes of them, would wait. If it has been upgraded, returns its websocket
        and stores nothing.
        """

    def poll(self, sid: ConnectionId, poll: str, until_ms: int, now_ms: int) -> int:
        """Begin a poll that waits until `until_ms` at most (atomic).

        0 if another one waits, or if a poll of this name was given frames: its answer was lost, and
        the client's HTTP library has sent the request again.

        Returns:
            The number of sessions that poll in this region, this one included. A session counts
            from its first poll until it ends or is upgraded, or `until_ms` of its last poll.

        Raises:
            NotFound: It is not, or no longer, a polling session.
        """

    def take(self, sid: ConnectionId, poll: str) -> list[str] | None:
        """Take all waiting frames and end the poll (atomic); None while there are none.

        If the session has ended or is being upgraded, there is a last frame for the poll.
        """

    def wait(self, sid: ConnectionId, seconds: float) -> None:
        """Return when a frame was pushed, or after these seconds."""

    def probe(self, sid: ConnectionId, now_ms: int) -> None:
        """Store that a websocket probed (0: no longer); a waiting poll ends with a noop."""

    def drain(self, sid: ConnectionId, to: Target, mover: str, now_ms: int) -> EngineSession | None:
        """Begin to move the session to this websocket; its waiting frames are read by `queued`.

        From now on only `mover` may move the frames (atomic). None if it is not a polling
        session, or is being upgraded to another websocket.

        Raises:
            Conflict: Another mover was active in the last 10 s.
        """

    def queued(self, sid: ConnectionId, mover: str, done: int, now_ms: int) -> list[str] | None:
        """Remove the first `done` frames of a draining session; return those that still wait.

        When none waits, the session is upgraded. None, and no change, if `mover` is not, or no
        longer, the mover (atomic).
        """


class Trails(Protocol):
    """How far sockets that can recover have been sent their streams, in Redis.

    Several processes may post to one socket, each entries of another stream. Every method is one
    round trip for all sids and may raise `CacheDown`. A trail is dropped three hours after its
    last write. An unknown socket is ignored by all methods that store something, except `start`.
    """

    def start(self, sid: str, trail: Trail, seen: Mapping[Stream, int]) -> None:
        """Store the trail, replacing an existing one with its marks."""

    def hold(self, sid: str) -> Trail | None:
        """Read the trail before a CONNECT is answered; from now on it is in doubt."""

    def release(self, sid: str) -> None:
        """Store that it is not in doubt."""

    def begin(
        self, sids: Sequence[str], stream: Stream, after: int | None, upto: int, mark: str
    ) -> list[Trail | None]:
        """Read trails before entries of a stream are posted, and mark the stream in them (atomic).

        It is marked, and the trail is `begun`, if the socket has been sent the stream up to `after`
        or further, but not up to `upto`, the trail is not in doubt, and nobody holds the stream in
        it. With `after` None, however little of it was sent. A stream of which nothing was sent
        counts as sent up to 0.

        Always in doubt if the data may be older than what was last written: Redis failed over or
        restarted since the start. None for an unknown socket.
        """

    def settle(self, stream: Stream, mark: str, sent: Mapping[str, int | None]) -> dict[str, int]:
        """Remove the mark, and store up to which seq sockets were sent the stream.

        None: nothing was posted. Without effect where the mark is gone (another process holds the
        stream, or the socket came back).

        Returns:
            For each socket with an effect, the number of streams since its checkpoint.
        """

    def sent(self, sids: Sequence[str]) -> dict[str, StreamsSent]:
        """What the sockets have been sent, without those that are unknown."""

    def rebase(self, names: Mapping[str, str], sent: Mapping[str, StreamsSent]) -> None:
        """Store new checkpoints (by sid), which were made of `sent`.

        Streams sent further in the meantime stay in `since`.
        """

    def follow(self, sid: str, old: ConnectionId, target: Target) -> None:
        """Store the socket's new connection, if its connection is the old one (atomic)."""
