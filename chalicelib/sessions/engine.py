"""Engine.IO sessions: handshake, posts, end. Nothing of Socket.IO.

API Gateway opens the websocket only after `$connect` has returned, so a job posts the open packet.
https://github.com/socketio/engine.io-protocol#handshake
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import wire
from ..access.limits import HANDSHAKE, PACKET, Limits
from ..connections.closing import Closing, Reason
from ..connections.registry import Connections
from ..jobs.sessions import CleanUp, EndWithoutNamespace, GreetSession, Heartbeat
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Conflict, Unavailable
from ..kernel.settings import Settings
from ..model.connections import Target
from ..model.delivery import Outcome, Post
from ..model.identifiers import ConnectionId, UserId
from ..model.sessions import End, EngineSession
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.sessions import EngineSessions
from ..ports.system import Clock
from ..wire import engineio
from ..wire.heartbeat import Pace

NAMESPACES = ("/", "/moments", "/notifications")
MAX_PAYLOAD = 1_000_000
OPEN_WITHIN_MS = 5_000
OPENING_S = (0.01, 0.02, 0.04, 0.08, 0.16)  # the waits between the first looks
REFUSED_MS = 5_000  # including the last try, less than the time after which a hand-over is retried
PROBE_MS = 10_000
ASKED_WITHIN_MS, MOVED_WITHIN_MS = 4_000, 15_000  # a hand-over that died goes on after 11 s
_EXACT_BELOW_MS = 5_000
_CLEAN_UP_AGAIN_S = 5


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
        limits: Limits,
    ) -> None:
        self.pace = Pace(settings.ping_interval_ms, settings.ping_timeout_ms)
        self._connect_within_s = settings.connect_timeout_s
        self._sessions = sessions
        self._connections = connections
        self._closing = closing
        self._poster = poster
        self._outbound = outbound
        self._clock = clock
        self._limits = limits

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
            self._sessions.close(target.connection_id, End.CLIENT)
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
        """Post the open packet as soon as the websocket is open; then start the heartbeat.

        The worker waits for a moment. For a handshake that takes longer, or is never completed,
        another job looks each second. A repeated job may come after the end of the session, which
        nobody else may have noticed.
        """
        target = job.target
        post = Post(target, self._handshake(target, []).encode())
        for wait_s in (*(OPENING_S if not job.attempt else ()), 0.0):
            outcome = self._poster.post([post])[0]
            if outcome is Outcome.DELIVERED:
                self.begin(target)
                return
            young = self._clock.now_ms() - target.connected_at_ms < OPEN_WITHIN_MS
            if outcome is Outcome.GONE and not young:
                self.closed(target.connection_id)
                return
            if wait_s:
                self._clock.sleep(wait_s)
        if not young:
            raise Unavailable("the open packet could not be posted")
        self._outbound.send([GreetSession(target=target, attempt=job.attempt + 1, delay_s=1)])

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

    def paid(self, sid: ConnectionId, tokens: int, *, named: bool = False) -> EngineSession | None:
        """Return a session, once a packet of it is paid for: 1 Redis trip.

        None when it is unknown or Redis is away.

        Args:
            named: A client has named it: if it is unknown, nothing is stored.

        Raises:
            RefusedTooOften: The session has sent too many packets: end it.
        """
        try:
            session, paid = self._sessions.pay(
                sid, self._limits.charge(PACKET, tokens), named=named
            )
        except CacheDown:
            return None
        self._limits.check_packet(paid)
        return session

    def connect_is_paid(self, session: EngineSession, user_id: UserId) -> bool:
        """Whether the session's handshake, with a token of this user, has paid for this CONNECT.

        It has paid for one, which comes before the session would end without a namespace.
        """
        age_ms = self._clock.now_ms() - session.target.connected_at_ms
        if session.user_id != user_id or age_ms >= self._connect_within_s * 1000:
            return False
        sid = session.target.connection_id
        first = self._limits.charge_once(HANDSHAKE, self._connect_within_s)
        try:
            return not self._sessions.pay(sid, first)[1].wait_ms
        except CacheDown:
            return True  # there are no limits either

    def connected(self, sid: ConnectionId, namespace: str) -> bool:
        """Note that a namespace was connected, after its socket was stored.

        Returns:
            False if Redis does not know the session: it may have ended before that.
        """
        try:
            return self._sessions.connect(sid, namespace)
        except CacheDown:
            telemetry.log("WARNING", "namespace_not_noted")
            return False

    def disconnected(self, sid: ConnectionId, namespace: str) -> None:
        """Note that a namespace was disconnected: it may be connected again."""
        try:
            self._sessions.disconnect(sid, namespace)
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

        If a websocket has taken over this polling session, it ends too: its own end may never be
        handled, and a close that is repeated later would no longer find it.

        Args:
            reason: Tell the client first, with the event `reconnect`.
        """
        websocket = self._taken_over_by(target)
        if websocket is not None:
            self.close(websocket, reason)
        else:
            self._closing.close(target, reason)
        self.closed(ids.transport_id(target.connection_id))

    def ended(self, connection_id: ConnectionId) -> None:
        """Clean up after a websocket of either protocol that has ended, as `closed` does."""
        try:
            ended = self._connections.close(connection_id)
        except Unavailable:
            self._clean_up_later(connection_id)
            return
        if ended is None or not wire.is_json(ended.target.protocol):
            self.closed(connection_id)

    def closed(self, sid: ConnectionId) -> None:
        """Clean up after a session that has ended; a job does what is not possible now. Idempotent.

        Raises:
            Unavailable: The job could not be queued either.
        """
        try:
            self.clean_up(sid)
        except Unavailable:
            self._clean_up_later(sid)

    def clean_up(self, sid: ConnectionId) -> None:
        """Erase a session, and then its sockets: who opens a socket looks for the session later."""
        self._forget(sid)
        for namespace in NAMESPACES:
            self._connections.close(ids.socket_id(sid, namespace))

    def _clean_up_later(self, connection_id: ConnectionId) -> None:
        telemetry.log("WARNING", "cleaned_up_later")
        self._outbound.send([CleanUp(connection_id=connection_id, delay_s=_CLEAN_UP_AGAIN_S)])

    def _forget(self, sid: ConnectionId) -> None:
        try:
            session = self._sessions.get(sid)
            if session is not None and session.upgrades is not None:
                self._sessions.probe(session.upgrades, 0)
                if self._took_over(session, session.upgrades):
                    self.closed(session.upgrades)
            self._sessions.close(sid)
        except CacheDown:
            telemetry.log("WARNING", "session_not_forgotten")

    def end_if_gone(self, target: Target) -> bool | None:
        """End a session if a post shows that its websocket is gone; None if that is unknown."""
        noop = engineio.encode_text(engineio.EnginePacket(engineio.EnginePacketKind.NOOP))
        outcome = self.try_post(target, [noop])
        if outcome is Outcome.GONE:
            self.closed(target.connection_id)
        return None if outcome not in (Outcome.GONE, Outcome.DELIVERED) else outcome is Outcome.GONE

    def _taken_over_by(self, target: Target) -> Target | None:
        """The websocket to which a polling session was upgraded; None if that is unknown."""
        if not target.polls:
            return None
        try:
            kept = self._sessions.push(ids.transport_id(target.connection_id), [])
        except CacheDown:
            return None
        return None if isinstance(kept, bool) else kept

    def _took_over(self, websocket: EngineSession, polling: ConnectionId) -> bool:
        """Whether a websocket had begun to take over a polling session, which ends with it."""
        if self._sessions.get(polling) is not None:
            return False  # it goes on polling
        mover, now_ms = websocket.target.connection_id, self._clock.now_ms()
        try:
            return self._sessions.drain(polling, websocket.target, mover, now_ms) is not None
        except Conflict:
            return True

    def moved_within_ms(self, websocket: Target, namespace: str) -> int:
        """How long a socket that was opened over polls may take to be moved to this websocket.

        0 if there is none to move. While the session still polls, the packet that asks for the
        upgrade may be on its way: stock clients send nothing before it.
        """
        session = self.session(websocket.connection_id)
        if session is None or session.began is None:
            return 0
        if self._connections.known(ids.socket_id(session.began, namespace)) is None:
            return 0
        return ASKED_WITHIN_MS if self.session(session.began) is not None else MOVED_WITHIN_MS

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
