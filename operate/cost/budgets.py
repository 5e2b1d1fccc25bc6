"""The calls that each operation makes. tests/operate/test_cost.py counts them in the code."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one operation, without posts to clients.

    Attributes:
        function: The function that runs, once.
        frames_in: Frames from the client.
        frames_out: Answers in the function's return body.
        redis: Round trips.
        reads: DynamoDB read request units.
        writes: DynamoDB write request units.
        copied: Those of `writes` on global tables, which each other region is charged for, too.
        fifo: Requests that send jobs to delivery.fifo: up to ten jobs in each.
        standard: The same of outbound.
        published: Requests to the region's topic, which the queues of all other regions get.
        deletes: Requests with which the function deletes jobs before its batch returns.
    """

    function: str
    frames_in: int = 0
    frames_out: int = 0
    redis: int = 0
    reads: float = 0
    writes: float = 0
    copied: float = 0
    fifo: int = 0
    standard: int = 0
    published: int = 0
    deletes: int = 0


# A transaction of three writes; a write in a transaction counts twice.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
_COMMIT = 3 * 2
# An item of `connections`, and its copies in the indexes by user and by bucket.
_CONNECTION = 3

CONNECT = Calls("websocket_connect", redis=2, reads=1, writes=_CONNECTION, fifo=1)
DISCONNECT = Calls("websocket_disconnect", redis=1, reads=1, writes=_CONNECTION, standard=1)
# A user came online: read their friends (two queries) and the shown presence; write it twice, as
# shown and as announced.
CAME = Calls("deliver", redis=1, reads=3, writes=2, copied=2)
# A user went offline: after the grace period one job checks, and a second one works like CAME.
LEFT_LOOK = Calls("outbound", fifo=1)
LEFT = Calls("deliver", redis=3, reads=5, writes=2, copied=2)

# Socket.IO, websocket first, with recovery: docs/explanation/socketio-sessions.md has the sums
# of these four.
SIO_CONNECT = Calls("websocket_connect", redis=1, standard=1)
SIO_OPENED = Calls("outbound", standard=1)
SIO_NAMESPACE = Calls("websocket_message", frames_in=1, redis=2, reads=1, fifo=1)
SIO_DISCONNECT = Calls("websocket_disconnect", redis=3, reads=4, writes=_CONNECTION, standard=1)


def sio_joined(rooms: float) -> Calls:
    """Create a session's order group: read the heads of the user's rooms, write a checkpoint."""
    writes = _CONNECTION + 1
    return Calls("deliver", redis=5, reads=3 + rooms, writes=writes, copied=1, fifo=1)


def sync(rooms: float) -> Calls:
    """A `sync` with this many positions, one of which has new entries.

    For each room: membership, two reads of its head, the read marker, and, without a marker, the
    last entry before the user joined. For new entries: the entries, and since when the user is a
    member.
    """
    return Calls("websocket_message", frames_in=1, frames_out=1, redis=2, reads=5 * rooms + 2)


SEND = Calls(
    "websocket_message",
    frames_in=1,
    frames_out=1,
    redis=2,
    writes=_COMMIT,
    copied=_COMMIT,
    fifo=1,
)
FRAME = Calls("websocket_message", frames_in=1, frames_out=1, redis=1)
# Read and move the cursor; the job has the entry.
DELIVER = Calls("deliver", redis=2, reads=1, writes=1)
# With sockets that can recover among the receivers: their trails, before and after the posts.
DELIVER_RECOVERING = Calls("deliver", redis=4, reads=1, writes=1)
# Rooms that senders deliver to: the members and connections that they have at most.
LANE_MEMBERS, LANE_CONNECTIONS = 100, 50
# The fast lane: the sender takes the stream's lease, posts, moves the cursor and gives the lease
# up. There is no job.
SEND_FAST = replace(SEND, redis=SEND.redis + 2, writes=SEND.writes + DELIVER.writes, fifo=0)
SEND_FAST_RECOVERING = replace(SEND_FAST, redis=SEND.redis + 4)
# The stream reports an entry, alone; the cursor has passed it.
CHECKED = Calls("replicated", reads=1)

# Two jobs in one request: one announces that the user types, a delayed one that they stopped.
TYPING = Calls("websocket_message", frames_in=1, frames_out=1, redis=1, standard=1)
TYPING_TOLD = Calls("outbound", redis=2)
# With several regions the job also asks where the room's members are, and publishes.
TYPING_PUBLISHED = Calls("outbound", redis=4, published=1)
# Read the message, and the presence: whether the reader is invisible.
READ = Calls(
    "websocket_message",
    frames_in=1,
    frames_out=1,
    redis=1,
    reads=2,
    writes=1,
    copied=1,
    standard=1,
)
READ_TOLD = Calls("outbound", redis=3, reads=3)  # with whom the reader has blocked

# A delayed job pings and sends the next job; the pong is a frame without an answer.
BEAT = Calls("outbound", redis=3, reads=3, standard=1)
PONG = Calls("websocket_message", frames_in=1, redis=3)
# One of these signs of life is stored every 15 minutes at most. The item moves within the index
# by bucket, which counts as two writes.
SEEN_S, SEEN_WRITES = 900, _CONNECTION + 1
# Each minute: ask for the state of all buckets and who is silent, and query what is due in each.
SWEEP = Calls("sweep", redis=2, reads=0.5 * 64)
# A new connection is looked at until it is first seen alive, up to this often.
LOOKS = 3

# What arrives from another region, if nothing else arrives with it: the trigger queues a job.
ARRIVED_ENTRY = Calls("replicated", fifo=1)
ARRIVED_ITEM = Calls("replicated", standard=1)


def deliver_foreign(regions: int) -> Calls:
    """Read the cursor twice and the room's heads once, and move the cursor."""
    return Calls("deliver", redis=2, reads=2 + regions, writes=1)


# Each region relays the begin and the end; a delayed job ends it if no end comes.
TYPING_RELAYED = (
    Calls("relay", redis=2, standard=1),
    Calls("relay", redis=2),
    Calls("outbound", redis=1),
)
# A presence: what Redis knows of where the user is connected is forgotten, one job looks at it in
# the user's group, and friends who are here are told.
FOREIGN_CHANGE = Calls("outbound", redis=1, fifo=1)
FOREIGN_PRESENCE = Calls("deliver", redis=1, reads=5, writes=1, copied=1)
