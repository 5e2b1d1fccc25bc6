"""When a session pings, waits or ends: its timers as pure functions of what is known and the time.

The server pings; the client answers. How long a poll may wait is here as well.
https://github.com/socketio/engine.io-protocol#heartbeat
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum, auto

from ..model.connections import Target
from ..model.sessions import EngineSession

LIFE_MS, SPREAD_MS = 7_200_000, 900_000
LOST_MS = 60_000
# A poll: the longest and the shortest wait, and that of sessions that have probed, or that have
# not connected to a namespace.
HOLD_MS, LEAST_HOLD_MS, PROBED_HOLD_MS, STRANGER_HOLD_MS = 20_000, 500, 150, 1_000


class Due(Enum):
    """What a session's timer asks for."""

    STOP = auto()  # another chain of timers has gone on
    WAIT = auto()
    PING = auto()
    END_OLD = auto()
    END_SILENT = auto()


@dataclass(frozen=True, slots=True)
class Timer:
    """What is due; `at_ms` is when to look again, if the session waits."""

    due: Due
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the server pings, and how long it waits for the pong."""

    interval_ms: int
    timeout_ms: int

    def timer(self, session: EngineSession, follows_ms: int, now_ms: int) -> Timer:
        """One step of the heartbeat that follows the ping of `follows_ms`."""
        if session.ping_ms != follows_ms:
            return Timer(Due.STOP)
        if self.old(session.target, now_ms):
            return Timer(Due.END_OLD)
        if awaited(session):
            at_ms, due = self.deadline(session), Due.END_SILENT
        else:
            at_ms, due = session.pong_ms + self.interval_ms, Due.PING
        return Timer(Due.WAIT, at_ms) if now_ms < at_ms else Timer(due)

    def overdue(self, session: EngineSession, now_ms: int) -> bool:
        """Whether the client has not answered the last ping in time."""
        return awaited(session) and now_ms >= self.deadline(session)

    def deadline(self, session: EngineSession) -> int:
        """When the pong is due (ms), as if the ping had been on time; at least half the timeout."""
        on_time_ms = session.pong_ms + self.interval_ms + self.timeout_ms
        return max(on_time_ms, session.ping_ms + self.timeout_ms // 2)

    def expects_pong(self, session: EngineSession, now_ms: int) -> bool:
        """Whether a pong can be the answer to a ping; one that was just sent may not be noted."""
        return awaited(session) or now_ms >= session.pong_ms + self.interval_ms

    def stopped(self, session: EngineSession, now_ms: int) -> bool:
        """Whether no timer has run for so long that the chain of timers must have ended."""
        quiet_ms = now_ms - max(session.ping_ms, session.pong_ms)
        return quiet_ms > self.interval_ms + self.timeout_ms + LOST_MS

    def old(self, target: Target, now_ms: int) -> bool:
        """Whether a session nears the two hours after which API Gateway closes a websocket.

        The ends are spread over 15 minutes, so that not all clients reconnect at once. Polling
        sessions end too, because the data stored for a connection expires an hour later.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
        """
        early_ms = zlib.crc32(target.connection_id.encode()) % SPREAD_MS
        age_ms = now_ms - target.connected_at_ms
        return age_ms > LIFE_MS - SPREAD_MS - self.interval_ms + early_ms

    def hold_ms(self, session: EngineSession, polling: int, slots: int) -> int:
        """How long a poll may wait.

        Each poll that waits occupies an execution. So the more sessions poll, the shorter each
        waits, and the sooner requests get a turn that wait for an execution. A session without a
        namespace waits briefly, unless its pings come sooner than a poll would end anyway.

        Args:
            polling: The number of sessions that poll now.
            slots: The number of executions that polls may occupy.
        """
        free = max(0.0, min(1.0, 2 * (1 - polling / slots)))
        stranger = not session.namespaces and self.interval_ms > HOLD_MS
        longest_ms = STRANGER_HOLD_MS if stranger else HOLD_MS
        return max(LEAST_HOLD_MS, min(longest_ms, int(HOLD_MS * free)))


def awaited(session: EngineSession) -> bool:
    """Whether a ping was sent that the client has not answered yet."""
    return session.ping_ms > session.pong_ms
