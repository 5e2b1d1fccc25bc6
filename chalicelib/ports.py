"""What the domain asks of the world outside, as small protocols.

Each has an in-memory twin (`adapters/memory.py`) and a real adapter; one contract suite
(`tests/integration/contract_*.py`) runs on both. Store and queue methods raise `Unavailable`
when the service does not answer in time; cache methods raise `CacheDown`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from .model import (
    Charge,
    Checkpoint,
    CommitResult,
    Connection,
    ConnectionId,
    Cursor,
    Delivering,
    Devices,
    Duplicate,
    EngineSession,
    Entry,
    Frame,
    Head,
    Job,
    Marker,
    Member,
    MessageId,
    Outcome,
    Part,
    Post,
    Presence,
    Region,
    Role,
    Room,
    RoomId,
    Status,
    Stream,
    Target,
    Traffic,
    Trail,
    UserId,
)


class Clock(Protocol):
    def now_ms(self) -> int:
        """Milliseconds since the epoch."""

    def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    def token(self) -> str:
        """A fresh unguessable id of 26 URL-safe characters."""

    def entropy(self) -> int:
        """64 random bits."""

    def jitter(self) -> float:
        """A random number in [0, 1)."""


class Secrets(Protocol):
    """What nobody else may know: `jwt_secret`, `jwt_secret_previous`, `redis_password`.

    Guarantee: a value is at most five minutes old while the store answers, and the last one
    read when it does not. Nothing is read before the first `get`.
    """

    def get(self, name: str) -> str:
        """The secret of that name, "" when there is none.

        Raises:
            Unavailable: It was never read and cannot be.
        """


class MessageLog(Protocol):
    """The rooms' logs. A stream (room, region) is written by its own region only.

    Guarantee: a stream has no hole and no fork: `commit` writes seq n only onto head n-1, and
    its writes (head, entry, dedupe, deletion mark) happen all or not at all.
    """

    def commit(self, entry: Entry, previous: Head, dedupe: str | None, now_ms: int) -> CommitResult:
        """Write `entry` (seq = previous.seq + 1) and move the head.

        `dedupe` is remembered for 24 h: a second commit with it writes nothing and answers
        `Duplicate`, also when the head moved. A deletion marks its `target_id` deleted and
        drops its content in the same act (the target may be of another region's stream:
        region is in entry.content["region"]).

        Raises:
            NotFound: The target of a deletion is not there; nothing was written.
            ValueError: `entry.seq` is not `previous.seq + 1`.
        """

    def find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None: ...

    def restore(self, entry: Entry) -> None:
        """Put an entry of any region's stream if it is absent; never overwrites.

        A later commit under the same id answers `Taken`.
        """

    def heads(self, streams: Sequence[tuple[RoomId, Region]]) -> dict[tuple[RoomId, Region], Head]:
        """Heads, strongly consistent, `Head(0, "")` for empty streams, in batches of 100."""

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None: ...

    def after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        """Entries with an id above `message_id` ("" from the start), oldest first, consistent."""

    def before(
        self, room_id: RoomId, region: Region, message_id: MessageId | None, limit: int
    ) -> list[Entry]:
        """Entries with an id below `message_id` (None: newest), NEWEST first, consistent."""


class Cursors(Protocol):
    """How far a stream has been delivered in this region. Regional state, not cache."""

    def get(self, room_id: RoomId, region: Region) -> Cursor:
        """`Cursor()` of a stream that was never delivered. Strongly consistent."""

    def advance(self, entry: Entry, split_at_ms: int) -> None:
        """Move forward to this entry; one that is not beyond what is stored changes nothing."""

    def fall_behind(
        self, room_id: RoomId, region: Region, behind: Mapping[ConnectionId, int]
    ) -> None:
        """Remember these as behind; others stay as they are, whoever writes at the same time."""

    def catch_up(self, room_id: RoomId, region: Region, origin: ConnectionId, seq: int) -> None:
        """Not behind any more, if that seq is what is remembered of it (atomic)."""


class RoomStore(Protocol):
    def create(self, room: Room, members: Sequence[Member]) -> bool:
        """All or nothing to be seen. False when the id is taken; then nothing was written.

        After a failure the same creator may call again with the same id.
        """

    def get(self, room_id: RoomId) -> Room | None: ...

    def get_many(self, room_ids: Sequence[RoomId]) -> list[Room]: ...

    def member(self, room_id: RoomId, user_id: UserId) -> Member | None:
        """Strongly consistent."""

    def members(self, room_id: RoomId) -> list[Member]:
        """All, by user id, strongly consistent."""

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        """Eventually consistent (an index)."""

    def add_member(self, member: Member) -> bool:
        """False when already a member (role unchanged)."""

    def remove_member(self, room_id: RoomId, user_id: UserId) -> bool:
        """False when not a member."""


class FriendStore(Protocol):
    """Who has put whom as a friend. An item is written by the region of the one who put it."""

    def put(self, user_id: UserId, friend_id: UserId, since_ms: int) -> None: ...

    def remove(self, user_id: UserId, friend_id: UserId) -> None: ...

    def put_by(self, user_id: UserId) -> dict[UserId, int]:
        """Whom the user has put, and since when. Strongly consistent."""

    def put_for(self, user_id: UserId) -> dict[UserId, int]:
        """Who has put the user, and since when. Eventually consistent (an index)."""

    def mutual(self, user_id: UserId, others: Sequence[UserId]) -> dict[UserId, int]:
        """Those of `others` who have put the user, and since when. Strongly consistent."""


class PresenceStore(Protocol):
    """One item for each user and region, written by that region only."""

    def get(self, user_id: UserId, region: Region) -> Presence:
        """`Presence(user_id, region)` for an unknown user. Strongly consistent."""

    def get_many(self, user_ids: Sequence[UserId], regions: Sequence[Region]) -> list[Presence]:
        """Those that are there, strongly consistent in this region, in batches of 100."""

    def change(self, presence: Presence, reset: bool) -> bool:
        """Store status, since, last seen and version; with `reset` forget what was chosen.

        False, and nothing written, unless the stored version is `presence.version - 1` and,
        with `reset`, what was chosen still is `presence.chosen`.
        """

    def announced(self, presence: Presence) -> None:
        """Friends were told of `presence.status`."""

    def choose(self, user_id: UserId, region: Region, status: Status) -> None: ...


class Markers(Protocol):
    """Read markers: an item for each member of a room and region; they only move forward."""

    def move(self, room_id: RoomId, region: Region, marker: Marker) -> Marker | None:
        """Move the user's marker of this region; answers the one before, None for the first.

        One at or behind the stored one changes nothing and the stored one is answered.
        """

    def of_user(
        self, user_id: UserId, room_ids: Sequence[RoomId], regions: Sequence[Region]
    ) -> dict[RoomId, Marker]:
        """The furthest over regions, strongly consistent, in batches of 100."""

    def of_room(self, room_id: RoomId, limit: int) -> list[Marker]:
        """Up to `limit` users' markers, the furthest over regions. Eventually consistent."""

    def count(self, room_id: RoomId, message_id: MessageId) -> int:
        """How many have read up to this message or further. Eventually consistent."""


class RevocationStore(Protocol):
    def put(self, user_id: UserId, until_ms: int) -> None:
        """Revoke until then; an earlier end than stored changes nothing."""

    def until_ms(self, user_id: UserId) -> int:
        """0 for none. Strongly consistent in this region."""


class CheckpointStore(Protocol):
    """Where sockets can come back to, from any region; kept for a week."""

    def put(self, checkpoint: Checkpoint, now_ms: int) -> None: ...

    def get(self, checkpoint_id: str) -> Checkpoint | None:
        """Strongly consistent in this region."""

    def use(self, checkpoint_id: str, offset: str) -> bool:
        """True once for each offset (one caller wins)."""


class ConnectionStore(Protocol):
    """The regional connections, and which of them joined which room."""

    def put(self, connection: Connection) -> None: ...

    def get(self, connection_id: ConnectionId) -> Connection | None:
        """None when unknown or disconnected."""

    def disconnect(self, connection_id: ConnectionId, now_ms: int) -> Connection | None:
        """Mark disconnected; None when it already was (idempotent: one caller wins)."""

    def renew(self, connection_id: ConnectionId, expires_at_s: int, roles: Sequence[str]) -> bool:
        """Take on a new token's end and roles; False when it is not connected."""

    def touch(self, connection_id: ConnectionId, now_ms: int) -> None:
        """Set last_ping of a connected one; never recreates a deleted item."""

    def of_user(self, user_id: UserId) -> list[Connection]:
        """Connected ones (index: eventually consistent)."""

    def devices(self, user_id: UserId) -> Devices:
        """Counted over the same index; ended ones are remembered for an hour."""

    def scan(self) -> Iterator[Connection]:
        """Every connected one, for the sweep."""

    def join(self, room_id: RoomId, target: Target) -> None:
        """Add to the room's reverse index and to the connection's rooms."""

    def leave(self, room_id: RoomId, target: Target) -> None: ...

    def joined(self, room_id: RoomId) -> list[Target]: ...


class Cache(Protocol):
    """Redis: everything in it can be rebuilt from the stores. Every method is one round trip."""

    def register(self, connection: Connection) -> bool:
        """Known from now on. True when it is the user's first connection here (atomic)."""

    def unregister(self, target: Target, now_ms: int) -> bool:
        """Forget it. True when it was the user's last connection here (atomic)."""

    def move(self, old: Target, new: Connection) -> None:
        """The same device under another id: who asks sees one of the two (atomic)."""

    def devices(self, user_id: UserId) -> Devices | None:
        """The user's connections here; None while cold.

        When the last one ended is known for 300 s.
        """

    def claim(self, name: str, seconds: int) -> bool:
        """True for the first who asks within so many seconds (atomic)."""

    def expect_acks(self, messages: Mapping[int, tuple[RoomId, MessageId]]) -> None:
        """Receivers are asked for an ack of these, by its number. Held for an hour."""

    def acked(self, ack_id: int) -> tuple[RoomId, MessageId] | None:
        """Which message a number stands for; None when nobody is asked (any more)."""

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        ticket_region: Region | None,
        charge: Charge | None = None,
    ) -> Frame:
        """What a frame needs, refreshing the connection's expiry; draws a ticket if a region."""

    def spend(self, charge: Charge) -> int:
        """Take a token of the payer's bucket (atomic); 0, or the milliseconds until there is one.

        A bucket holds `burst` tokens and gains `per_s` a second.
        """

    def return_ticket(self, room_id: RoomId, region: Region, ticket: int) -> None:
        """Nothing was written with it; void when later ones are out (atomic)."""

    def grant(self, connection_id: ConnectionId, room_id: RoomId, version: str, role: Role) -> None:
        """Remember on the connection that it was authorised under this membership version."""

    def set_ticket(self, room_id: RoomId, region: Region, seq: int) -> None:
        """The stream's head is at `seq`: the next ticket is seq + 1."""

    def refresh(self, targets: Sequence[Target]) -> list[Target]:
        """Extend the expiry of these connections' entries; answers those it did not hold."""

    def members(self, room_id: RoomId) -> tuple[str | None, dict[UserId, Role] | None]:
        """(version, members); members None when not cached."""

    def fill_members(
        self, room_id: RoomId, version: str | None, members: Mapping[UserId, Role]
    ) -> str | None:
        """Cache members read after `version` was; answers the version now in force.

        Stores nothing and answers None when the version changed in between.
        """

    def bump(self, room_id: RoomId) -> None:
        """Membership changed: a new version, cached members dropped, grants void."""

    def online(self, users: Sequence[UserId]) -> dict[UserId, list[Target]] | None:
        """Connections of those online (at most 1,000 users a call); None while cold."""

    def set_warm(self, warm: bool) -> None:
        """The registry is complete (or not): an absent user is offline (or unknown).

        Holds for 180 s: shorter than what it vouches for, longer than two sweeps.
        """

    def join(self, room_id: RoomId, target: Target) -> bool:
        """True when it is the user's first joined connection in the room (atomic)."""

    def leave(self, room_id: RoomId, target: Target) -> bool:
        """True when it was the user's last joined connection in the room (atomic)."""

    def joined(self, room_id: RoomId) -> list[Target] | None:
        """None when not cached (then `fill_joined`)."""

    def fill_joined(self, room_id: RoomId, targets: Iterable[Target]) -> None:
        """Merge targets read from the store."""

    def deliver(self, room_id: RoomId, entries: Sequence[Entry]) -> Delivering:
        """What a delivery of these entries of the room begins with; counts them.

        They go into `conversation:{id}:recent`, newest 50; an entry replaces itself.
        """

    def recent(self, room_ids: Sequence[RoomId]) -> dict[RoomId, list[Entry]]:
        """Cached newest entries, oldest first; may be incomplete: check seqs against the head."""

    def typing(self, room_id: RoomId, user_id: UserId, started_ms: int | None) -> None:
        """Remember (or with None forget) the newest typing_start."""

    def typing_since(self, room_id: RoomId, user_id: UserId) -> int | None: ...

    def lease_posts(self, wanted: int, rate_per_s: int, now_ms: int) -> int:
        """Take up to `wanted` from the shared token bucket of posts; answers how many."""

    def note_connections(self, count: int) -> None:
        """The sweep has seen so many in this region; held for 300 s."""

    def traffic(self, now_ms: int) -> Traffic:
        """What was counted; the messages counted so far are forgotten (atomic)."""

    def ping(self) -> None: ...


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

    def gather(self, sid: ConnectionId, at_ms: int | None, part: str) -> list[Part]:
        """Keep a part of a binary packet: its text, which says how many attachments follow, or
        an attachment (`b…`). Answers all that wait now. What waits is forgotten 10 s after the
        last part came.

        Args:
            at_ms: When it was sent; None where parts come in their order.

        Raises:
            TooLarge: More wait than packets may have; they are forgotten.
        """

    def gathered(self, sid: ConnectionId) -> list[Part]:
        """The parts that wait."""

    def hand_out(self, sid: ConnectionId, parts: Sequence[Part]) -> list[str] | None:
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


class Metrics(Protocol):
    def put(self, values: Mapping[str, tuple[float, str]], at_ms: int) -> None:
        """Values with their CloudWatch units, by name."""


class Sync(Protocol):
    """`cluster:sync`: news to every running process of the region, best effort."""

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        """Raises `CacheDown`."""

    def listen(self, heard: Callable[[str, Mapping[str, Any]], None]) -> None:
        """Call `heard` with event and data, on a thread of its own, from now on. Idempotent."""

    def close(self) -> None:
        """Listen no more."""


class Poster(Protocol):
    """@connections, the hot loop."""

    def post(self, posts: Sequence[Post]) -> list[Outcome]:
        """Post all, concurrently within bounds; one outcome each, in order. Never raises."""

    def close(self, target: Target) -> Outcome:
        """DELETE the connection."""


class PeerHealth(Protocol):
    def healthy(self, url: str) -> bool:
        """Whether a region's health URL answers 200 within a second. Never raises."""


class Queue(Protocol):
    """One SQS queue."""

    def send(self, jobs: Sequence[Job]) -> None:
        """All or an `Unavailable`: then some may have been sent, of a group the first ones.

        One call per ten jobs of different groups. `TooLarge` of one: then none was sent.
        """

    def hide(self, receipt_handle: str, seconds: int) -> None:
        """Make a received message invisible for so long from now (its retry delay)."""

    def depth(self) -> int:
        """About how many messages wait."""
