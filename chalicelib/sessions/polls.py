"""The polls of polling sessions: each waits for frames, for a time that depends on the others."""

from __future__ import annotations

from collections.abc import Callable

from ..access.limits import PACKET, Limits
from ..kernel.errors import Conflict, NotFound, RefusedTooOften
from ..model import lifecycle
from ..model.identifiers import ConnectionId
from ..model.lifecycle import Input, Reaction, State
from ..model.sessions import End, EngineSession
from ..ports.sessions import EngineSessions
from ..ports.system import Clock
from ..wire import engineio, heartbeat
from .engine import PROBE_MS, Engine

_NOOP = engineio.EnginePacketKind.NOOP.value
_LATE_MS = 10_000  # a poll whose process died is dropped this long after its end


class Polls:
    def __init__(
        self,
        engine: Engine,
        sessions: EngineSessions,
        pace: heartbeat.Pace,
        clock: Clock,
        limits: Limits,
        slots: int,
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._pace = pace
        self._clock = clock
        self._limits = limits
        self._slots = slots

    def poll(self, sid: ConnectionId, poll: str, pay: Callable[[], None]) -> list[str]:
        """Wait for the frames of one poll and return them; a noop packet when none come.

        Args:
            poll: Names the poll; a request that is sent again has the same name.
            pay: Charges a poll of no session to its network.

        Raises:
            NotFound: There is no such session.
            RefusedTooOften: It makes too many requests: it has been ended.
            RateLimited: There is no such session, and the network asks too often.
            Conflict: Another poll is waiting, or this one was answered with frames, and it is
                unknown whether they arrived. The session has been ended.
        """
        now_ms = self._clock.now_ms()
        latest_ms = now_ms + heartbeat.HOLD_MS + _LATE_MS
        try:
            session = self.answering(sid)
            polling = self._sessions.poll(sid, poll, latest_ms, now_ms)
        except NotFound:
            if self._sessions.farewell(sid):
                return [_NOOP]  # the client closed the session while this poll was on its way
            pay()
            raise
        if not polling:
            self._sessions.close(sid, End.OVERLAP)
            self._engine.close(session.target)
            raise Conflict("another poll waits, or this one was answered; open a new session")
        probed = _waits(session, now_ms) is Reaction.WAIT_BRIEFLY
        hold_ms = self._pace.hold_ms(session, polling, self._slots)
        frames = self._take(sid, poll, now_ms + (heartbeat.PROBED_HOLD_MS if probed else hold_ms))
        if probed and frames == [_NOOP] and self._sessions.get(sid) is None:
            raise NotFound("the session was upgraded")  # its client has stopped polling
        return frames

    def answering(self, sid: ConnectionId) -> EngineSession:
        """Return a polling session whose client has answered the last ping in time, and charge it.

        Raises:
            NotFound: There is no such session, or it timed out just now.
            RefusedTooOften: It makes too many requests: it has been ended.
        """
        session, paid = self._sessions.pay(sid, self._limits.charge(PACKET), named=True)
        if session is None or not session.target.polls:
            raise NotFound("no such session")
        try:
            self._limits.check_packet(paid)
        except RefusedTooOften:
            self._engine.close(session.target)
            raise
        if self._pace.overdue(session, self._clock.now_ms()):
            self._engine.close(session.target)
            raise NotFound("no such session")
        return session

    def _take(self, sid: ConnectionId, poll: str, until_ms: int) -> list[str]:
        while (frames := self._sessions.take(sid, poll)) is None:
            left_ms = until_ms - self._clock.now_ms()
            if left_ms <= 0:
                self._sessions.push(sid, [_NOOP])
                continue
            self._sessions.wait(sid, left_ms / 1000)
        return frames


def _waits(session: EngineSession, now_ms: int) -> Reaction:
    """How a poll waits. A probe whose time is over has ended, also if nobody noted that."""
    state = State.PROBED if session.probed_ms else State.OPEN
    if now_ms - session.probed_ms >= PROBE_MS:
        state = lifecycle.step(state, Input.PROBE_ENDED).state
    return lifecycle.step(state, Input.POLL).effect
