"""The life of an Engine.IO session, as a table: no I/O, no clock.

A session is kept in a store that several processes change at once. Every change is one input to
this table, applied atomically to the stored state; the effect says what the store does. The
in-memory store calls `step`; the scripts of the Redis store contain the table (`rows`).

What needs more than the state is decided before the input is chosen: whether another poll waits
(`SECOND_POLL`), and whether a websocket is the one that already takes the session over (`UPGRADE`)
or another one (`OTHER_UPGRADE`).
https://github.com/socketio/engine.io-protocol#upgrade
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """
    Attributes:
        OPEN: The session has one transport.
        PROBED: A websocket has probed; polls end early, so that the client can change over.
        DRAINING: The websocket takes over: waiting frames are posted to it, new ones wait.
        UPGRADED: The websocket has taken over, and new frames go to it.
        CLOSED: It has ended, or was never there.
    """

    OPEN = "open"
    PROBED = "probed"
    DRAINING = "draining"
    UPGRADED = "upgraded"
    CLOSED = "closed"


class Input(StrEnum):
    """What happens to a session: packets, requests and timers of several processes.

    Attributes:
        LOOK: It is read.
        NOTE: The client was heard from, or connected a namespace.
        PUSH: Frames for its client.
        POLL: A poll begins.
        SECOND_POLL: A poll begins while another one waits.
        TAKE: A waiting poll asks for its frames.
        PROBE: A websocket sent its probe.
        PROBE_ENDED: That websocket ended, or the time of the probe is over.
        UPGRADE: A websocket takes over, or continues to.
        OTHER_UPGRADE: A websocket wants to take over while or after another one did.
        EMPTIED: No frame waits any longer.
        PONG_OVERDUE: A timer: the client did not answer the last ping.
        CLOSE: A packet, a fault or a process ends it.
    """

    LOOK = "look"
    NOTE = "note"
    PUSH = "push"
    POLL = "poll"
    SECOND_POLL = "second_poll"
    TAKE = "take"
    PROBE = "probe"
    PROBE_ENDED = "probe_ended"
    UPGRADE = "upgrade"
    OTHER_UPGRADE = "other_upgrade"
    EMPTIED = "emptied"
    PONG_OVERDUE = "pong_overdue"
    CLOSE = "close"


class Reaction(StrEnum):
    """An effect: what the store does.

    Attributes:
        SHOW: Return the session.
        STORE: Write what was noted.
        KEEP: Append the frames to the write buffer if they fit, and wake a waiting poll.
        FORWARD: Name the websocket that took over; keep nothing.
        WAIT: Let the poll wait for frames.
        WAIT_BRIEFLY: Let it wait for a moment only.
        GIVE: Give the poll all frames that wait.
        RELEASE: Note the probe, and end a waiting poll with a noop.
        NOOP: Answer the poll with a noop.
        FAREWELL: Answer the poll with the session's last packet.
        DRAIN: Let one process at a time move the frames; end a waiting poll with a noop.
        END: Forget the session; leave its last packet to a waiting poll.
        REFUSE: Nothing, and say so.
        IGNORE: Nothing.
    """

    SHOW = "show"
    STORE = "store"
    KEEP = "keep"
    FORWARD = "forward"
    WAIT = "wait"
    WAIT_BRIEFLY = "wait_briefly"
    GIVE = "give"
    RELEASE = "release"
    NOOP = "noop"
    FAREWELL = "farewell"
    DRAIN = "drain"
    END = "end"
    REFUSE = "refuse"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Step:
    """The state after an input, and what the store does."""

    state: State
    effect: Reaction


# An effect alone: the state stays.
_TABLE: dict[State, dict[Input, Reaction | Step]] = {
    State.OPEN: {
        Input.LOOK: Reaction.SHOW,
        Input.NOTE: Reaction.STORE,
        Input.PUSH: Reaction.KEEP,
        Input.POLL: Reaction.WAIT,
        Input.SECOND_POLL: Step(State.CLOSED, Reaction.END),
        Input.TAKE: Reaction.GIVE,
        Input.PROBE: Step(State.PROBED, Reaction.RELEASE),
        Input.PROBE_ENDED: Reaction.IGNORE,
        Input.UPGRADE: Step(State.DRAINING, Reaction.DRAIN),
        Input.OTHER_UPGRADE: Step(State.DRAINING, Reaction.DRAIN),
        Input.EMPTIED: Reaction.REFUSE,
        Input.PONG_OVERDUE: Step(State.CLOSED, Reaction.END),
        Input.CLOSE: Step(State.CLOSED, Reaction.END),
    },
    State.PROBED: {
        Input.LOOK: Reaction.SHOW,
        Input.NOTE: Reaction.STORE,
        Input.PUSH: Reaction.KEEP,
        Input.POLL: Reaction.WAIT_BRIEFLY,
        Input.SECOND_POLL: Step(State.CLOSED, Reaction.END),
        Input.TAKE: Reaction.GIVE,
        Input.PROBE: Reaction.RELEASE,
        Input.PROBE_ENDED: Step(State.OPEN, Reaction.STORE),
        Input.UPGRADE: Step(State.DRAINING, Reaction.DRAIN),
        Input.OTHER_UPGRADE: Step(State.DRAINING, Reaction.DRAIN),
        Input.EMPTIED: Reaction.REFUSE,
        Input.PONG_OVERDUE: Step(State.CLOSED, Reaction.END),
        Input.CLOSE: Step(State.CLOSED, Reaction.END),
    },
    State.DRAINING: {
        Input.LOOK: Reaction.REFUSE,
        Input.NOTE: Reaction.STORE,
        Input.PUSH: Reaction.KEEP,
        Input.POLL: Reaction.REFUSE,
        Input.SECOND_POLL: Reaction.REFUSE,
        Input.TAKE: Reaction.NOOP,
        Input.PROBE: Reaction.IGNORE,
        Input.PROBE_ENDED: Reaction.IGNORE,
        Input.UPGRADE: Reaction.DRAIN,
        Input.OTHER_UPGRADE: Reaction.REFUSE,
        Input.EMPTIED: Step(State.UPGRADED, Reaction.STORE),
        Input.PONG_OVERDUE: Reaction.IGNORE,
        Input.CLOSE: Step(State.CLOSED, Reaction.END),
    },
    State.UPGRADED: {
        Input.LOOK: Reaction.REFUSE,
        Input.NOTE: Reaction.STORE,
        Input.PUSH: Reaction.FORWARD,
        Input.POLL: Reaction.REFUSE,
        Input.SECOND_POLL: Reaction.REFUSE,
        Input.TAKE: Reaction.NOOP,
        Input.PROBE: Reaction.IGNORE,
        Input.PROBE_ENDED: Reaction.IGNORE,
        Input.UPGRADE: Reaction.DRAIN,
        Input.OTHER_UPGRADE: Reaction.REFUSE,
        Input.EMPTIED: Reaction.STORE,
        Input.PONG_OVERDUE: Reaction.IGNORE,
        Input.CLOSE: Step(State.CLOSED, Reaction.END),
    },
    State.CLOSED: {
        Input.LOOK: Reaction.REFUSE,
        Input.NOTE: Reaction.REFUSE,
        Input.PUSH: Reaction.REFUSE,
        Input.POLL: Reaction.REFUSE,
        Input.SECOND_POLL: Reaction.REFUSE,
        Input.TAKE: Reaction.FAREWELL,
        Input.PROBE: Reaction.IGNORE,
        Input.PROBE_ENDED: Reaction.IGNORE,
        Input.UPGRADE: Reaction.REFUSE,
        Input.OTHER_UPGRADE: Reaction.REFUSE,
        Input.EMPTIED: Reaction.REFUSE,
        Input.PONG_OVERDUE: Reaction.IGNORE,
        Input.CLOSE: Reaction.IGNORE,
    },
}


def step(state: State, event: Input) -> Step:
    """The next state, and what the store does."""
    found = _TABLE[state][event]
    return found if isinstance(found, Step) else Step(state, found)


def rows() -> Iterator[tuple[State, Input, Step]]:
    """All of the table, for stores that have it in another language."""
    return ((state, event, step(state, event)) for state in State for event in Input)
