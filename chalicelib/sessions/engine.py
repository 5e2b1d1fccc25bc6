"""Engine.IO sessions: handshake, posts, end. Nothing of Socket.IO.

API Gateway opens the websocket only after `$connect` has returned, so a job posts the open packet.
https://github.com/socketio/engine.io-protocol#handshake
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..connections.closing import Closing, Reason
from ..connections.registry import Connections
from ..jobs.sessions import EndWithoutNamespace, GreetSession, Heartbeat
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Conflict, Unavailable
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
from ..wire.heartbeat import Pace

NAMESPACES = ("/", "/moments", "/notifications")
MAX_PAYLOAD = 1_000_000
OPEN_WITHIN_MS = 5_000
REFUSED_MS = 5_000  # including the last try, less than the time after which a hand-over is retried
_NOOP = engineio.EnginePacketKind.NOOP.value
PROBE_MS = 10_000
_EXACT_BELOW_MS = 5_000


class Engine:
    def __init__(
        self,
        settings: Settings,
        sessions: EngineSessions,
        connections: Connections,
        closing: Closing,
        poster: Poster,
        outbound: Queue,
        clock: Clock,
    ) -> None:
        self.pace = Pace(settings.ping_interval_ms, settings.ping_timeout_ms)
        self._connect_within_s = settings.connect_timeout_s
        self._sessions = sessions
        self._connections = connections
        self._closing = closing
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

    def leave(self, target: Target) -> None:
        """End the session at the client's request; a waiting poll returns."""
        if target.polls:
            self._sessions.close(target.connection_id, _NOOP)
        self.close(target)

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
        now_ms = self._clock.now_ms()
        self._outbound.send(
            [
                beat_job(target, 0, now_ms + self.pace.interval_ms, now_ms),
                EndWithoutNamespace(target=target, delay_s=self._connect_within_s),
            ]
        )

    def _handshake(self, target: Target, upgrades: Sequence[str]) -> str:
        packet = engineio.open_packet(
            target.connection_id,
            upgrades,
            self.pace.interval_ms,
            self.pace.timeout_ms,
            MAX_PAYLOAD,
        )
        return engineio.encode_text(packet)

    def session(self, sid: ConnectionId) -> EngineSession | None:
        """Return a session; None when it is unknown or Redis is away."""
        try:
            return self._sessions.get(sid)
        except CacheDown:
            return None

    def connected(self, sid: ConnectionId, namespace: str) -> None:
        """Note that a namespace was connected."""
        try:
            self._sessions.connect(sid, namespace)
        except CacheDown:
            telemetry.log("WARNING", "namespace_not_noted")

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

    def close(self, target: Target, reason: Reason | None = None) -> None:
        """End the session: close its websocket and the sockets of all namespaces.

        Args:
            reason: Tell the client first, with the event `reconnect`.
        """
        self._closing.close(target, reason)
        self.closed(ids.transport_id(target.connection_id))

    def closed(self, sid: ConnectionId) -> None:
        """Clean up after a websocket that has ended. Idempotent."""
        for namespace in NAMESPACES:
            self._connections.close(ids.socket_id(sid, namespace))
        try:
            session = self._sessions.get(sid)
            if session is not None and session.upgrades is not None:
                self._sessions.probe(session.upgrades, 0)
                if self._took_over(session, session.upgrades):
                    self.closed(session.upgrades)
            self._sessions.close(sid)
        except CacheDown:
            telemetry.log("WARNING", "session_not_forgotten")

    def _took_over(self, websocket: EngineSession, polling: ConnectionId) -> bool:
        """Whether a websocket had begun to take over a polling session, which ends with it."""
        if self._sessions.get(polling) is not None:
            return False  # it goes on polling
        mover, now_ms = websocket.target.connection_id, self._clock.now_ms()
        try:
            return self._sessions.drain(polling, websocket.target, mover, now_ms) is not None
        except Conflict:
            return True

    def sockets(self, target: Target) -> list[str]:
        """Return the namespaces that are connected over this transport, read from the store."""
        known = self._connections.known
        sid = target.connection_id
        return [each for each in NAMESPACES if known(ids.socket_id(sid, each)) is not None]


def beat_job(target: Target, ping_ms: int, due_ms: int, now_ms: int) -> Heartbeat:
    """Return the next job. SQS delays by whole seconds: the worker waits for the rest."""
    left_ms = max(0, due_ms - now_ms)
    delay_s = left_ms // 1000 if left_ms < _EXACT_BELOW_MS else -(-left_ms // 1000)
    transport = replace(target, connection_id=ids.transport_id(target.connection_id))
    return Heartbeat(target=transport, ping_ms=ping_ms, due_ms=due_ms, delay_s=min(900, delay_s))
