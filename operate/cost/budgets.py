"""What one operation calls. tests/operate/test_cost.py counts the same on the code itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one operation, posts to clients aside.

    Attributes:
        function: The function that runs, once.
        frames_in: Frames of the client.
        frames_out: Answers that ride the function's return body.
        redis: Round trips.
        reads: DynamoDB read request units.
        writes: DynamoDB write request units.
        fifo: Jobs sent to delivery.fifo.
        standard: Jobs sent to outbound.
    """

    function: str
    frames_in: int = 0
    frames_out: int = 0
    redis: int = 0
    reads: float = 0
    writes: float = 0
    fifo: int = 0
    standard: int = 0


# A transaction of three writes; a write in a transaction counts twice.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
_COMMIT = 3 * 2
# An item of `connections`, and its copy in the index by user.
_CONNECTION = 2

CONNECT = Calls("websocket_connect", redis=1, reads=1, writes=_CONNECTION, fifo=1)
DISCONNECT = Calls("websocket_disconnect", redis=1, reads=1, writes=_CONNECTION, standard=1)
# Somebody came: two queries of friends and what was shown; shown anew, and noted as told.
CAME = Calls("deliver", redis=1, reads=3, writes=2)
# Somebody went: a job after the grace looks, another one does as with CAME.
LEFT_LOOK = Calls("outbound", fifo=1)
LEFT = Calls("deliver", redis=2, reads=4, writes=2)

# Socket.IO, websocket first and with recovery; docs/explanation/socketio-sessions.md has the sums
# of the four.
SIO_CONNECT = Calls("websocket_connect", redis=1, standard=1)
SIO_OPENED = Calls("outbound", standard=1)
SIO_NAMESPACE = Calls("websocket_message", frames_in=1, redis=1, reads=1, fifo=1)
SIO_DISCONNECT = Calls("websocket_disconnect", redis=3, reads=4, writes=_CONNECTION, standard=1)


def sio_joined(rooms: float) -> Calls:
    """A session's order group is made: the heads of all that its user reads, and a checkpoint."""
    return Calls("deliver", redis=5, reads=3 + rooms, writes=_CONNECTION + 1, fifo=1)


def sync(rooms: float) -> Calls:
    """A `sync` with so many positions, one of which has news.

    A room: membership, twice its head, its marker, what is unread. News: the entries, who has
    read them, since when the user is a member.
    """
    return Calls("websocket_message", frames_in=1, frames_out=1, redis=2, reads=5 * rooms + 3)


SEND = Calls("websocket_message", frames_in=1, frames_out=1, redis=1, writes=_COMMIT, fifo=1)
FRAME = Calls("websocket_message", frames_in=1, frames_out=1, redis=1)
# The cursor read and moved, the log's entry read.
DELIVER = Calls("deliver", redis=2, reads=2, writes=1)

# Two jobs in one request: that somebody types is told, and later that he does not.
TYPING = Calls("websocket_message", frames_in=1, frames_out=1, redis=1, standard=1)
TYPING_TOLD = Calls("outbound", redis=3)
READ = Calls("websocket_message", frames_in=1, frames_out=1, redis=1, reads=1, writes=1, standard=1)
READ_TOLD = Calls("outbound", redis=3, reads=1)

# A delayed job pings and sends the next one; the pong is a frame without an answer.
BEAT = Calls("outbound", redis=3, reads=3, standard=1)
PONG = Calls("websocket_message", frames_in=1, redis=1, writes=_CONNECTION)
