"""Engine.IO sessions: handshake, heartbeat, polls, end. Nothing of Socket.IO.

API Gateway opens the websocket only after `$connect` has returned, so a job posts the open packet.
The heartbeat is a chain of delayed jobs. Each job names the ping that it follows, so that a
repeated job sees that the chain has moved on, and stops. While Redis is away no session times out.
https://github.com/socketio/engine.io-protocol#heartbeat
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

from ..connections.registry import Connections
from ..jobs.outbound import (
    EndWithoutNamespace,
    GreetSession,
    Heartbeat,
    RefuseSession,
    ReviveHeartbeat,
)
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Conflict, NotFound, Unavailable
from ..kernel.settings import Settings
from ..model.connections import Target
from ..model.delivery import Outcome, Post
from ..model.identifiers import ConnectionId
from ..model.sessions import EngineSession
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.sessions import EngineSessions
from ..ports.system import Clock
from ..wire import engineio

NAMESPACES = ("/", "/moments", "/notifications")
MAX_PAYLOAD = 1_000_000
OPEN_WITHIN_MS = 5_000
REFUSED_MS = 5_000  # including the last try, less than the time after which a hand-over is retried
_NOOP = engineio.EnginePacketKind.NOOP.value
HOLD_MS, PROBED_HOLD_MS, PROBE_MS = 20_000, 150, 10_000
LIFE_MS, SPREAD_MS = 7_200_000, 900_000
_LATE_MS = 10_000  # a poll whose process died is dropped this long after its end
_LOST_MS = 60_000
_EXACT_BELOW_MS = 5_000


class Engine:
    def __init__(
        self,
        settings: Settings,
        sessions: EngineSessions,
        connections: Connections,
        poster: Poster,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self._interval_ms = settings.ping_interval_ms
        self._timeout_ms = settings.ping_timeout_ms
        self._connect_within_s = settings.connect_timeout_s
        self._sessions = sessions
        self._connections = connections
        self._poster = poster
        self._outbound = outbound
        self._clock = clock

    def open(self, session: EngineSession) -> None:
        """Handle `$connect`: store the session, queue the open packet. 1 Redis trip, 1 SQS send."""
        try:
            self._sessions.open(session)
        except CacheDown:
            telemetry.log("WARNING", "session_not_kept")
        self._outbound.send([GreetSession(target=session.target)])

    def open_polling(self, session: EngineSession) -> str:
        """Open a polling session and return the answer to its handshake. Polling needs Redis.

        Raises:
            CacheDown: The session cannot be stored.
        """
        self._sessions.open(session)
        self.begin(session.target)
        return self._handshake(session.target, ["websocket"])

    def poll(self, sid: ConnectionId, poll: str) -> list[str]:
        """Wait for the frames of one poll and return them; a noop packet when none come.

        Raises:
            NotFound: There is no such session.
            Conflict: Another poll is waiting. The session has been ended.
        """
        now_ms = self._clock.now_ms()
        try:
            session = self.answering(sid)
            probed = now_ms - session.probed_ms < PROBE_MS
            until_ms = now_ms + (PROBED_HOLD_MS if probed else HOLD_MS)
            alone = self._sessions.poll(sid, poll, until_ms + _LATE_MS, now_ms)
        except NotFound:
            if self._sessions.farewell(sid, _NOOP):
                return [_NOOP]  # the client closed the session while this poll was on its way
            raise
        if not alone:
            self.close(session.target)
            raise Conflict("another poll is waiting; the session was closed, open a new one")
        while (frames := self._sessions.take(sid, poll)) is None:
            left_ms = until_ms - self._clock.now_ms()
            if left_ms <= 0:
                self._sessions.push(sid, [_NOOP])
                continue
            self._sessions.wait(sid, left_ms / 1000)
        if probed and frames == [_NOOP] and self._sessions.get(sid) is None:
            raise NotFound("the session was upgraded")  # its client has stopped polling
        return frames

    def answering(self, sid: ConnectionId) -> EngineSession:
        """Return a polling session whose client has answered the last ping in time.

        Raises:
            NotFound: There is no such session, or it timed out just now.
        """
        session = self._sessions.get(sid)
        if session is None or not session.target.polls:
            raise NotFound("no such session")
        if session.ping_ms > session.pong_ms and self._clock.now_ms() >= self._deadline(session):
            self.close(session.target)
            raise NotFound("no such session")
        return session

    def leave(self, target: Target) -> None:
        """End the session at the client's request; a waiting poll returns."""
        if target.polls:
            self._sessions.close(target.connection_id, _NOOP)
        self.close(target)

    def refuse(self, job: RefuseSession) -> None:
        """Close a websocket that was refused; its handshake could not be rejected."""
        target = job.target
        wait_s = 0.01
        while self._poster.close(target) is Outcome.GONE:
            if self._clock.now_ms() - target.connected_at_ms > OPEN_WITHIN_MS:
                return
            self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, 0.64)

    def turn_away(self, target: Target) -> None:
        """Queue the closing of a websocket that is about to open."""
        self._outbound.send([RefuseSession(target=target)])

    def offer(self, session: EngineSession, polling: EngineSession) -> bool:
        """Store a websocket that wants to upgrade a session; False when another has just probed."""
        if self._clock.now_ms() - polling.probed_ms < PROBE_MS:
            return False
        self._sessions.open(session)
        return True

    def probe(self, session: EngineSession) -> None:
        """Note that the websocket has probed: polls then end early, so the client can switch."""
        if session.upgrades is not None:
            self._sessions.probe(session.upgrades, self._clock.now_ms())

    def greet(self, job: GreetSession) -> None:
        """Post the open packet as soon as the websocket is open; then start the heartbeat."""
        target = job.target
        post = Post(target, self._handshake(target, []).encode())
        wait_s = 0.01
        while (outcome := self._poster.post([post])[0]) is not Outcome.DELIVERED:
            young = self._clock.now_ms() - target.connected_at_ms < OPEN_WITHIN_MS
            if outcome is Outcome.GONE and not young:
                return
            if not young:
                raise Unavailable("the open packet could not be posted")
            self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, 0.64)
        self.begin(target)

    def begin(self, target: Target) -> None:
        """Queue the first heartbeat and the check that a namespace was connected. 1 SQS send."""
        self._outbound.send(
            [
                self._beat(target, 0, self._clock.now_ms() + self._interval_ms),
                EndWithoutNamespace(target=target, delay_s=self._connect_within_s),
            ]
        )

    def _handshake(self, target: Target, upgrades: Sequence[str]) -> str:
        packet = engineio.open_packet(
            target.connection_id, upgrades, self._interval_ms, self._timeout_ms, MAX_PAYLOAD
        )
        return engineio.encode_text(packet)

    def session(self, sid: ConnectionId) -> EngineSession | None:
        """Return a session; None when it is unknown or Redis is away."""
        try:
            return self._sessions.get(sid)
        except CacheDown:
            return None

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

    def connected(self, sid: ConnectionId, namespace: str) -> None:
        """Note that a namespace was connected."""
        try:
            self._sessions.connect(sid, namespace)
        except CacheDown:
            telemetry.log("WARNING", "namespace_not_noted")

    def beat(self, job: Heartbeat) -> None:
        """Take one step of the heartbeat: ping, or end the session, or check again later."""
        target = job.target
        self._wait_for(job.due_ms)
        now_ms = self._clock.now_ms()
        try:
            session = self._sessions.get(target.connection_id)
        except CacheDown:
            self._outbound.send([self._beat(target, job.ping_ms, now_ms + self._interval_ms)])
            return
        if session is None:
            session = self._found_again(target, now_ms)
        if session is None or session.ping_ms != job.ping_ms:
            return
        if self._old(target, now_ms):
            telemetry.log("INFO", "closed_before_its_limit", connection_id=target.connection_id)
            self.close(target)
            return
        asked = session.ping_ms > session.pong_ms
        due_ms = self._deadline(session) if asked else session.pong_ms + self._interval_ms
        if now_ms < due_ms:
            self._outbound.send([self._beat(target, session.ping_ms, due_ms)])
        elif asked:
            telemetry.log("INFO", "ping_timeout", connection_id=target.connection_id)
            self.close(target)
        else:
            self._ping(session, now_ms)

    def revive(self, job: ReviveHeartbeat) -> None:
        """Restart the heartbeat of a silent session if it has stopped. Queued by the sweep."""
        target = job.target
        now_ms = self._clock.now_ms()
        session = self._sessions.get(target.connection_id)
        if session is None:
            session = self._found_again(target, now_ms)
        if session is None:
            return
        quiet_ms = now_ms - max(session.ping_ms, session.pong_ms)
        if quiet_ms > self._interval_ms + self._timeout_ms + _LOST_MS:
            self._outbound.send([self._beat(target, session.ping_ms, now_ms)])

    def end_without_namespace(self, job: EndWithoutNamespace) -> None:
        """End a session that has not connected to a namespace in time."""
        target = job.target
        session = self.session(target.connection_id)
        if not self.sockets(target) and (session is not None or not target.polls):
            self.close(target)

    def post(self, target: Target, frames: Sequence[str]) -> bool:
        """Post frames in order; end the session and return False if one cannot be posted."""
        outcome = self.try_post(target, frames)
        if outcome is not Outcome.DELIVERED:
            telemetry.log("WARNING", "answer_not_posted", outcome=outcome)
            self.close(target)
        return outcome is Outcome.DELIVERED

    def try_post(self, target: Target, frames: Sequence[str]) -> Outcome:
        """Post frames in order; return the outcome of the first that is not delivered, if any.

        A frame that is refused, because the posts are used up or the client reads slowly, is
        posted again. This goes on for at most 5 s for all frames together.
        """
        until_ms = self._clock.now_ms() + REFUSED_MS
        for frame in frames:
            post, wait_s = Post(target, frame.encode()), 0.04
            while (outcome := self._poster.post([post])[0]).refused:
                if self._clock.now_ms() >= until_ms:
                    break
                self._clock.sleep(wait_s)
                wait_s = min(2 * wait_s, 0.64)
            if outcome is not Outcome.DELIVERED:
                return outcome
        return Outcome.DELIVERED

    def close(self, target: Target) -> None:
        """End the session: close its websocket and the sockets of all namespaces."""
        self._poster.close(target)
        self.closed(ids.transport_id(target.connection_id))

    def closed(self, sid: ConnectionId) -> None:
        """Clean up after a websocket that has ended. Idempotent."""
        for namespace in NAMESPACES:
            self._connections.close(ids.socket_id(sid, namespace))
        try:
            session = self._sessions.get(sid)
            if session is not None and session.upgrades is not None:
                self._sessions.probe(session.upgrades, 0)
            self._sessions.close(sid)
        except CacheDown:
            telemetry.log("WARNING", "session_not_forgotten")

    def _ping(self, session: EngineSession, now_ms: int) -> None:
        target = session.target
        if not self._sessions.ping(target.connection_id, session.ping_ms, now_ms):
            return
        ping = engineio.encode_text(engineio.EnginePacket(engineio.EnginePacketKind.PING))
        if self.try_post(target, [ping]) is Outcome.GONE:
            self.closed(target.connection_id)
            return
        asked = replace(session, ping_ms=now_ms)
        self._outbound.send([self._beat(target, now_ms, self._deadline(asked))])

    def _found_again(self, target: Target, now_ms: int) -> EngineSession | None:
        """Restore a session that Redis lost, if it is a websocket with a connected socket."""
        sockets = self.sockets(target) if not target.polls else []
        if not sockets:
            return None
        session = EngineSession(target, {}, pong_ms=now_ms, namespaces=frozenset(sockets))
        self._sessions.open(session)
        return session

    def sockets(self, target: Target) -> list[str]:
        """Return the namespaces that are connected over this transport, read from the store."""
        known = self._connections.known
        sid = target.connection_id
        return [each for each in NAMESPACES if known(ids.socket_id(sid, each)) is not None]

    def _deadline(self, session: EngineSession) -> int:
        """When the pong is due (ms), as if the ping had been on time; at least half the timeout."""
        on_time_ms = session.pong_ms + self._interval_ms + self._timeout_ms
        return max(on_time_ms, session.ping_ms + self._timeout_ms // 2)

    def _old(self, target: Target, now_ms: int) -> bool:
        """Whether a session nears the two hours after which API Gateway closes a websocket.

        The ends are spread over 15 minutes, so that not all clients reconnect at once. Polling
        sessions end too, because the data stored for a connection expires an hour later.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
        """
        early_ms = zlib.crc32(target.connection_id.encode()) % SPREAD_MS
        age_ms = now_ms - target.connected_at_ms
        return age_ms > LIFE_MS - SPREAD_MS - self._interval_ms + early_ms

    def _beat(self, target: Target, ping_ms: int, due_ms: int) -> Heartbeat:
        """Return the next job. SQS delays by whole seconds: the worker waits for the rest."""
        left_ms = max(0, due_ms - self._clock.now_ms())
        delay_s = left_ms // 1000 if left_ms < _EXACT_BELOW_MS else -(-left_ms // 1000)
        transport = replace(target, connection_id=ids.transport_id(target.connection_id))
        return Heartbeat(
            target=transport, ping_ms=ping_ms, due_ms=due_ms, delay_s=min(900, delay_s)
        )

    def _wait_for(self, due_ms: int) -> None:
        left_ms = due_ms - self._clock.now_ms()
        if 0 < left_ms < 1000:
            self._clock.sleep(left_ms / 1000)
