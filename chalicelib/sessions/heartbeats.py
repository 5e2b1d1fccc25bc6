"""The heartbeat of Engine.IO sessions: a chain of delayed jobs, timed by `wire.heartbeat`.

Each job names the ping that it follows, so that a repeated job sees that the chain has moved on,
and stops. The job that follows a ping is queued first, then the ping is posted, and then it is
noted, which ends the turn of all other jobs. If the process dies before that, its job comes again
and pings once more; the job that followed the first ping finds that this was never noted, and
stops. While Redis is away no session times out.
"""

from __future__ import annotations

from dataclasses import replace

from ..connections.closing import Reason
from ..connections.registry import Connections
from ..jobs.sessions import Heartbeat, ReviveHeartbeat
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown
from ..model.connections import Target
from ..model.delivery import Outcome
from ..model.identifiers import ConnectionId
from ..model.sessions import EngineSession
from ..ports.queues import Queue
from ..ports.sessions import EngineSessions
from ..ports.system import Clock
from ..wire import engineio
from ..wire.heartbeat import Due, Pace
from .engine import Engine, beat_job


class Heartbeats:
    def __init__(
        self,
        engine: Engine,
        sessions: EngineSessions,
        connections: Connections,
        pace: Pace,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._connections = connections
        self._pace = pace
        self._outbound = outbound
        self._clock = clock

    def pong(self, sid: ConnectionId) -> bool | None:
        """Note a client's pong; False when there is no such session, None if that is unknown."""
        now_ms = self._clock.now_ms()
        try:
            session = self._sessions.pong(sid, now_ms)
        except CacheDown:
            return None
        if session is None:
            return False
        self._connections.touch([ids.socket_id(sid, each) for each in session.namespaces])
        return True

    def beat(self, job: Heartbeat) -> None:
        """Take one step of the heartbeat: ping, or end the session, or check again later."""
        target = job.target
        self._wait_for(job.due_ms)
        now_ms = self._clock.now_ms()
        try:
            session = self._sessions.get(target.connection_id)
        except CacheDown:
            self._again(target, job.ping_ms, now_ms + self._pace.interval_ms)
            return
        if session is None:
            session = self._found_again(target, now_ms)
        if session is None:
            return
        timer = self._pace.timer(session, job.ping_ms, now_ms)
        match timer.due:
            case Due.WAIT:
                self._again(target, session.ping_ms, timer.at_ms)
            case Due.PING:
                self._ping(session, now_ms)
            case Due.END_OLD:
                sid = target.connection_id
                telemetry.log("INFO", "closed_before_its_limit", connection_id=sid)
                self._engine.close(target, Reason.TOO_OLD)
            case Due.END_SILENT:
                telemetry.log("INFO", "ping_timeout", connection_id=target.connection_id)
                self._engine.close(target)

    def revive(self, job: ReviveHeartbeat) -> None:
        """Restart the heartbeat of a silent session if it has stopped. Queued by the sweep."""
        target = job.target
        now_ms = self._clock.now_ms()
        session = self._sessions.get(target.connection_id)
        if session is None:
            session = self._found_again(target, now_ms)
        if session is not None and self._pace.stopped(session, now_ms):
            self._again(target, session.ping_ms, now_ms)

    def _ping(self, session: EngineSession, now_ms: int) -> None:
        """Ping, and note the ping unless another job has pinged meanwhile.

        Raises:
            CacheDown: The job comes again and pings once more.
        """
        target = session.target
        self._again(target, now_ms, self._pace.deadline(replace(session, ping_ms=now_ms)))
        ping = engineio.encode_text(engineio.EnginePacket(engineio.EnginePacketKind.PING))
        if self._engine.try_post(target, [ping]) is Outcome.GONE:
            self._engine.closed(target.connection_id)
            return
        if not self._sessions.ping(target.connection_id, session.ping_ms, now_ms):
            telemetry.log("INFO", "pinged_twice", connection_id=target.connection_id)

    def _found_again(self, target: Target, now_ms: int) -> EngineSession | None:
        """Restore a session that Redis lost, if it is a websocket with a connected socket.

        A polling session cannot be restored: what is left of it is removed.
        """
        if target.polls:
            if self._sessions.push(target.connection_id, []) is False:  # nor was it upgraded
                self._engine.closed(target.connection_id)
            return None
        sockets = self._engine.sockets(target)
        if not sockets:
            return None
        session = EngineSession(target, {}, pong_ms=now_ms, namespaces=frozenset(sockets))
        self._sessions.open(session)
        return session

    def _again(self, target: Target, ping_ms: int, due_ms: int) -> None:
        self._outbound.send([beat_job(target, ping_ms, due_ms, self._clock.now_ms())])

    def _wait_for(self, due_ms: int) -> None:
        left_ms = due_ms - self._clock.now_ms()
        if 0 < left_ms < 1000:
            self._clock.sleep(left_ms / 1000)
