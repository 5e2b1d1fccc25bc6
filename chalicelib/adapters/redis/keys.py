"""Every key in Redis: one function each, with its type, time to live and writers.

Keys that one script uses together share a hash tag, `{room}`, `{sid}` or `{bucket}`, so that they
are on one node in cluster mode. docs/reference/redis.md is generated from this module.
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/serverless-overview.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec

from ...ports.presence import ELSEWHERE_S

ONLINE_S, CONNECTION_S, ROOM_S, TYPING_S, ACK_S, BUCKET_S = 300, 3600, 3600, 30, 3600, 3600
TRAFFIC_S = 3600
REVOKED_S = 3600  # far longer than it takes to close the user's connections
# Longer than two sweeps: without a sweep in this time, nothing vouches for the registry.
WARM_S = 180
BUDGET_S, OUTCOMES_S = 60, 20
LINE_S, ANSWER_S = 60, 10
SESSION_S, PARTS_S, BELL_S, FAREWELL_S, TRAIL_S = 3 * 3600, 60, 60, 2, 3 * 3600
POLLING_S = 60
RECENT = 50  # entries kept of a room

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key's description.

    Attributes:
        build: Its function; the docstring says what the key holds.
        type: The Redis type of the value.
        ttl_s: Seconds from its last write until it expires; None if each write sets its own.
        writers: What writes it.
    """

    build: Callable[..., str]
    type: str
    ttl_s: int | None
    writers: str


KEYS: dict[str, StoredKey] = {}


def _stored(
    type: str, ttl_s: int | None, writers: str
) -> Callable[[Callable[P, str]], Callable[P, str]]:
    def note(build: Callable[P, str]) -> Callable[P, str]:
        KEYS[build.__name__] = StoredKey(build, type, ttl_s, writers)
        return build

    return note


@_stored("hash", ONLINE_S, "connects, disconnects and pings")
def user_online(user_id: str) -> str:
    """A user's connections: `c:{connection_id}` with its target for each, `status`, `last_seen`.

    For others to read; `online:{bucket}` decides who is connected. `left` is the time at which the
    last one ended.
    """
    return f"user:online:{user_id}"


@_stored("hash", BUCKET_S, "connects, disconnects and the sweep")
def online(bucket: int) -> str:
    """The connections of a bucket of users: by user id, targets by connection id.

    Its epoch is in the field "", the number of connections in the field "\\n".
    """
    return f"online:{{{bucket}}}"


@_stored("set", BUCKET_S, "connects, disconnects and the sweep")
def online_users(bucket: int) -> str:
    """The users in `online:{bucket}`, to intersect with the members of a room."""
    return f"online:{{{bucket}}}:users"


@_stored("string", WARM_S, "the sweep, deliveries to a cold bucket")
def online_warm(bucket: int) -> str:
    """Present while the bucket is complete; otherwise the store says who is online.

    `epoch|replication id`: another epoch or another primary node makes it void.
    """
    return f"online:{{{bucket}}}:warm"


@_stored("sorted set", BUCKET_S, "connects, frames over JSON, disconnects and the sweep")
def online_heard(bucket: int) -> str:
    """When JSON connections were last heard of (ms), by `[user id, connection id]`.

    The member "", which comes last, shows that the key was not lost.
    """
    return f"online:{{{bucket}}}:heard"


@_stored("sorted set", BUCKET_S, "the sweep")
def online_asked(bucket: int) -> str:
    """When silent ones of these were asked whether they are there (ms); a frame removes it."""
    return f"online:{{{bucket}}}:asked"


def bucket(number: int) -> tuple[str, str, str, str, str]:
    """The keys of a bucket that scripts use together."""
    connections, users, warm = online(number), online_users(number), online_warm(number)
    return connections, users, warm, online_heard(number), online_asked(number)


@_stored("hash", CONNECTION_S, "connects, frames and the sweep")
def connection(connection_id: str) -> str:
    """What handling a frame needs to know about its connection.

    `user_id`, `target`, `rooms`, `device_info`, `roles`, `expires_at`, `connected_at`; `last_ping`:
    the last sign of life that was stored, `heard`: the last that was noted;
    `m:{room_id}`: the grants.
    """
    return f"connection:{connection_id}"


@_stored("string", ROOM_S, "changes of membership, and the first read after them")
def room_version(room_id: str) -> str:
    """The room's membership version; a new one invalidates all grants and cached members."""
    return f"room:{{{room_id}}}:version"


@_stored("hash", ROOM_S, "the first read after a change of membership")
def room_members(room_id: str) -> str:
    """The room's members: role by user id."""
    return f"room:{{{room_id}}}:members"


@_stored("set", ROOM_S, "the first delivery to a large room after a change of membership")
def room_members_in(bucket: int, version: str, room_id: str) -> str:
    """The members of a large room in a bucket of users, under a version, and "" if complete."""
    return f"members:{{{bucket}}}:{version}:{room_id}"


@_stored("string", ROOM_S, "appends")
def stream_head(room_id: str, region: str) -> str:
    """The head of a stream, `seq|message_id`: a guess that the next append begins with."""
    return f"room:{{{room_id}}}:head:{region}"


@_stored("string", None, "frames that append, and writers who wait")
def stream_lease(room_id: str, region: str) -> str:
    """The turn that may write to the stream now, for 300 ms."""
    return f"room:{{{room_id}}}:lease:{region}"


@_stored("list", LINE_S, "writers who wait")
def stream_line(room_id: str, region: str) -> str:
    """The turns that wait to write to the stream, in their order."""
    return f"room:{{{room_id}}}:line:{region}"


@_stored("hash", LINE_S, "writers who wait")
def stream_drafts(room_id: str, region: str) -> str:
    """The drafts in line: by turn, `waiting since (ms)|JSON`."""
    return f"room:{{{room_id}}}:drafts:{region}"


@_stored("list", ANSWER_S, "the writer who leads")
def turn_answer(room_id: str, turn_id: str) -> str:
    """What became of a draft, as JSON, or `lead`: its writer blocks on it."""
    return f"room:{{{room_id}}}:answer:{turn_id}"


@_stored("string", None, "workers, and senders that deliver")
def delivery_lease(room_id: str, region: str) -> str:
    """Who delivers the stream now: a token."""
    return f"room:{{{room_id}}}:deliver:{region}"


@_stored("hash", ROOM_S, "workers, and senders that deliver")
def stream_delivered(room_id: str, region: str) -> str:
    """What the last of them left: `fence`, the number of its lease.

    `at`: the seq at which it left the stream's cursor; `plain`: `1` if the cursor is only that.
    Both are absent while somebody delivers.
    """
    return f"room:{{{room_id}}}:delivered:{region}"


@_stored("hash", None, "frames and HTTP requests that append")
def room_rate(room_id: str) -> str:
    """The bucket of the room's rate: `level`, `at` (ms). Expires when it is full."""
    return f"room:{{{room_id}}}:rate"


@_stored("hash", None, "frames and HTTP requests that append")
def room_share(room_id: str, payer: str) -> str:
    """The bucket of a member's share of the room's rate; as that bucket."""
    return f"room:{{{room_id}}}:share:{payer}"


@_stored("hash", ROOM_S, "`join_room`, `leave_room`, ended connections")
def room_joined(room_id: str) -> str:
    """The connections that have joined the room: by user id, targets by connection id.

    The field "" shows that all are there. A field "\\n" and the replication id of the node on which
    it was begun: on another primary it is void.
    """
    return f"room:{{{room_id}}}:joined"


@_stored("string", ROOM_S, "`leave_room`, ended connections")
def room_left(room_id: str) -> str:
    """How many connections have left the room: what was read before a leave is not cached."""
    return f"room:{{{room_id}}}:left"


@_stored("sorted set", ROOM_S, "deliveries")
def conversation_recent(room_id: str) -> str:
    """The newest 50 entries of the room, as JSON, in canonical order."""
    return f"conversation:{room_id}:recent"


@_stored("hash", TYPING_S, "`typing_start`, `typing_stop`")
def typing(room_id: str) -> str:
    """Who is typing in the room: by user id, the newest `typing_start` (ms).

    By "\\n" and user id: the last one that others were told.
    """
    return f"typing:{room_id}"


@_stored("hash", ROOM_S, "`user_joined` and `user_left` of other regions")
def views_elsewhere(room_id: str) -> str:
    """When users last opened or closed the room in other regions: by user id, ms."""
    return f"views:elsewhere:{room_id}"


@_stored("string", ELSEWHERE_S, "events that other regions may need")
def user_elsewhere(user_id: str) -> str:
    """The other regions in which the user is connected, separated by commas.

    Read from their presence. Deleted when another region's change of that is replicated.
    """
    return f"user:elsewhere:{user_id}"


@_stored("string", ACK_S, "deliveries of messages with `delivery_receipt`")
def ack(number: int | str) -> str:
    """The message that a Socket.IO ack with this number confirms."""
    return f"ack:{number}"


@_stored("string", None, "functions that must do something only once in a time")
def claim(name: str) -> str:
    """Present until that time has passed, such as `delivered:{message_id}:{user_id}`."""
    return f"claim:{name}"


@_stored("hash", None, "frames, HTTP requests and revocations")
def limits(user_id: str) -> str:
    """The user's buckets, until they are full: `l:{action}` with `level|at`, also `l:refused`.

    `revoked`: until when they are revoked (ms); kept for an hour.
    """
    return f"limits:{user_id}"


@_stored("hash", None, "requests without a valid token")
def address_limits(address: str) -> str:
    """The bucket of the network that they come from, until it is full."""
    return f"addresses:{address}"


@_stored("hash", BUDGET_S, "functions that post")
def posts_budget() -> str:
    """The region's budget of posts, a bucket: `level`, `at`."""
    return "posts:budget"


@_stored("hash", BUDGET_S, "functions that post to a room")
def posts_of_room(room_id: str) -> str:
    """A room's share of that budget, a bucket like it; on the same node in cluster mode."""
    return f"{{posts:budget}}:{room_id}"


@_stored("hash", OUTCOMES_S, "functions that post")
def posts_outcomes() -> str:
    """Posts of the last seconds: `taken`, `refused`, both also `_before`; `window`: since when."""
    return "posts:outcomes"


@_stored("string", None, "posts that were refused again, jobs whose workers may have died")
def tally(name: str) -> str:
    """A count, such as the refusals of a job's post."""
    return f"tally:{name}"


@_stored("string", ONLINE_S, "the sweep")
def stats_connections() -> str:
    """Open connections at the last sweep."""
    return "stats:connections"


@_stored("hash", TRAFFIC_S, "deliveries; `report` resets it")
def stats_traffic() -> str:
    """Entries delivered since the last report: `messages`, `since`."""
    return "stats:traffic"


@_stored("hash", SESSION_S, "handshakes, heartbeats, polls and upgrades")
def engine(sid: str) -> str:
    """An Engine.IO session: target, user, pings, namespaces, poll and upgrade."""
    return f"engine:{{{sid}}}"


@_stored("list", SESSION_S, "posts to a polling client")
def engine_write_buffer(sid: str) -> str:
    """Frames that wait for the next poll."""
    return f"engine:{{{sid}}}:out"


@_stored("list", BELL_S, "posts to a polling client")
def engine_bell(sid: str) -> str:
    """Gets an element when frames arrive; a waiting poll blocks on it."""
    return f"engine:{{{sid}}}:bell"


@_stored("hash", None, "packets of a session")
def engine_limits(sid: str) -> str:
    """The session's buckets, until they are full. They outlive the session, as packets may."""
    return f"engine:{{{sid}}}:limits"


@_stored("sorted set", POLLING_S, "polls")
def engine_polling() -> str:
    """The region's sessions that poll: by sid, the time (ms) until which one counts as polling."""
    return "engine:polling"


@_stored("string", FAREWELL_S, "the end of a polling session")
def engine_farewell(sid: str) -> str:
    """How it ended: a poll that arrives after its client's own end is answered."""
    return f"engine:{{{sid}}}:end"


@_stored("hash", PARTS_S, "frames of binary packets")
def engine_parts(sid: str) -> str:
    """Parts of binary packets that wait for others."""
    return f"engine:{{{sid}}}:parts"


@_stored("hash", TRAIL_S, "deliveries to sockets that can recover")
def trail(sid: str) -> str:
    """A socket's trail: target, pid, checkpoint; `s:{room}:{region}`: the seq it has been sent.

    `f:{room}:{region}`: the delivery that is posting entries of the stream; `since`: the streams
    sent since the checkpoint; `doubt`: `1` while a CONNECT is answered; `epoch`: the server's data
    in which it was started; `attempt`: the CONNECT that started it.
    """
    return f"trail:{{{sid}}}"


@_stored("channel", None, "revocations")
def cluster_sync() -> str:
    """Messages to all running processes: {event, data, timestamp, source_instance}."""
    return "cluster:sync"
