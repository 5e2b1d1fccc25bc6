"""Engine.IO sessions: handshake, heartbeat, polls, end. Nothing of Socket.IO.

API Gateway opens the socket only after `$connect` has returned, so the open packet is a job. The
heartbeat is a chain of delayed jobs, each of which knows the ping it follows: a repeated job
finds that another went on and stops. While Redis is away nobody is judged.
https://github.com/socketio/engine.io-protocol#heartbeat
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from ..wire import attachments, engineio

NAMESPACES = ("/", "/moments", "/notifications")
MAX_PAYLOAD = 1_000_000
OPEN_WITHIN_MS = 5_000
REFUSED_MS = 5_000  # with its last try less than a hand-over may stall
_NOOP = engineio.EnginePacketKind.NOOP.value
HOLD_MS, PROBED_HOLD_MS, PROBE_MS = 20_000, 150, 10_000
LIFE_MS, SPREAD_MS = 7_200_000, 900_000
_LATE_MS = 10_000  # a poll whose process died is forgotten so long after its end
_LOST_MS = 60_000
_SETTLE_S = 0.2
_EXACT_BELOW_MS = 5_000


@dataclass(frozen=True, slots=True)
class Gathered:
    """Parts of binary packets that are whole.

    Attributes:
        parts: Of one packet, its text first; or, when that is not certain, of some whose parts
            nobody can tell apart.
    """

    parts: list[str]
    certain: bool


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
        """`$connect`: remember it and queue the open packet. 1 Redis trip, 1 SQS send."""
        try:
            self._sessions.open(session)
        except CacheDown:
            telemetry.log("WARNING", "session_not_kept")
        self._outbound.send([GreetSession(target=session.target)])

    def open_polling(self, session: EngineSession) -> str:
        """A handshake over HTTP: its answer. Without Redis there is no polling.

        Raises:
            CacheDown: The session cannot be kept.
        """
        self._sessions.open(session)
        self.begin(session.target)
        return self._handshake(session.target, ["websocket"])

    def poll(self, sid: ConnectionId, poll: str) -> list[str]:
        """The frames of one poll; waits for them, and answers a noop when none come.

        Raises:
            NotFound: There is no such session.
            Conflict: Another poll waits; the session has ended.
        """
        now_ms = self._clock.now_ms()
        try:
            session = self.answering(sid)
            probed = now_ms - session.probed_ms < PROBE_MS
            until_ms = now_ms + (PROBED_HOLD_MS if probed else HOLD_MS)
            alone = self._sessions.poll(sid, poll, until_ms + _LATE_MS, now_ms)
        except NotFound:
            if self._sessions.farewell(sid, _NOOP):
                return [_NOOP]  # the client's goodbye, sent beside this poll, came first
            raise
        if not alone:
            self.close(session.target)
            raise Conflict("one poll at a time")
        while (frames := self._sessions.take(sid, poll)) is None:
            left_ms = until_ms - self._clock.now_ms()
            if left_ms <= 0:
                self._sessions.push(sid, [_NOOP])
                continue
            self._sessions.wait(sid, left_ms / 1000)
        if probed and frames == [_NOOP] and self._sessions.get(sid) is None:
            raise NotFound("the session was upgraded")  # a client does not poll any more then
        return frames

    def answering(self, sid: ConnectionId) -> EngineSession:
        """A polling session whose client has answered the last ping in time.

        Raises:
            NotFound: There is none.
        """
        session = self._sessions.get(sid)
        if session is None or not session.target.polls:
            raise NotFound("no such session")
        if session.ping_ms > session.pong_ms and self._clock.now_ms() >= self._deadline(session):
            self.close(session.target)
            raise NotFound("no such session")
        return session

    def leave(self, target: Target) -> None:
        """The client said that it ends the session; its poll, if one waits, is let go."""
        if target.polls:
            self._sessions.close(target.connection_id, _NOOP)
        self.close(target)

    def refuse(self, job: RefuseSession) -> None:
        """Close a websocket whose handshake had to be let through."""
        target = job.target
        wait_s = 0.01
        while self._poster.close(target) is Outcome.GONE:
            if self._clock.now_ms() - target.connected_at_ms > OPEN_WITHIN_MS:
                return
            self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, 0.64)

    def turn_away(self, target: Target) -> None:
        """Queue the end of a websocket that is about to open."""
        self._outbound.send([RefuseSession(target=target)])

    def offer(self, session: EngineSession, polling: EngineSession) -> bool:
        """A websocket would upgrade a session; False when another one has probed just now."""
        if self._clock.now_ms() - polling.probed_ms < PROBE_MS:
            return False
        self._sessions.open(session)
        return True

    def probe(self, session: EngineSession) -> None:
        """It has probed: polls end soon, so that the client can go over."""
        if session.upgrades is not None:
            self._sessions.probe(session.upgrades, self._clock.now_ms())

    def greet(self, job: GreetSession) -> None:
        """Post the open packet once the socket is there; then its heartbeat begins."""
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
        """Queue its first heartbeat, and its end should it connect to no namespace: 1 SQS send."""
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
        """What is known of a session; None also while Redis is away."""
        try:
            return self._sessions.get(sid)
        except CacheDown:
            return None

    def pong(self, sid: ConnectionId) -> bool:
        """The client answered; False when there is no such session."""
        now_ms = self._clock.now_ms()
        try:
            session = self._sessions.pong(sid, now_ms)
        except CacheDown:
            return True
        if session is None:
            return False
        self._connections.touch([ids.socket_id(sid, each) for each in session.namespaces])
        return True

    def connected(self, sid: ConnectionId, namespace: str) -> None:
        """A namespace was connected."""
        try:
            self._sessions.connect(sid, namespace)
        except CacheDown:
            telemetry.log("WARNING", "namespace_not_noted")

    def gather(self, sid: ConnectionId, at_ms: int | None, part: str) -> Gathered | None:
        """Keep a part of a binary packet; the packets that this made whole, None for none.

        Frames overtake each other (`at_ms` says when they were sent): then those that are still
        under way are given a moment, as what is sent together may have one time.

        Raises:
            TooLarge: More parts wait than packets may have.
        """
        found = attachments.first(self._sessions.gather(sid, at_ms, part))
        if found is not None and at_ms is not None:
            self._clock.sleep(_SETTLE_S)
            found = attachments.first(self._sessions.gathered(sid))
        if found is None:
            return None
        texts = self._sessions.hand_out(sid, found.parts)
        return Gathered(texts, found.certain) if texts is not None else None

    def beat(self, job: Heartbeat) -> None:
        """One step of the heartbeat: ping what is due, end what has not answered, come again."""
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
        """The sweep has heard nothing of it for long: begin the heartbeat anew if it stopped."""
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
        """End a session that has connected to no namespace in time."""
        target = job.target
        session = self.session(target.connection_id)
        if not self.sockets(target) and (session is not None or not target.polls):
            self.close(target)

    def post(self, target: Target, frames: Sequence[str]) -> bool:
        """Frames in their order; what cannot be posted ends the session, which would miss it.

        Answers whether all were.
        """
        outcome = self.try_post(target, frames)
        if outcome is not Outcome.DELIVERED:
            telemetry.log("WARNING", "answer_not_posted", outcome=outcome)
            self.close(target)
        return outcome is Outcome.DELIVERED

    def try_post(self, target: Target, frames: Sequence[str]) -> Outcome:
        """Post frames in their order; the outcome of the first that is not delivered, if any.

        What is refused, as there are more posts than may be made or the client reads slowly, is
        posted again for 5 s, all frames together.
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
        """End the session: its websocket, and every namespace's socket."""
        self._poster.close(target)
        self.closed(ids.transport_id(target.connection_id))

    def closed(self, sid: ConnectionId) -> None:
        """The websocket has ended; idempotent."""
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
        """A session that Redis lost, if it is a websocket and a socket of it is connected."""
        sockets = self.sockets(target) if not target.polls else []
        if not sockets:
            return None
        session = EngineSession(target, {}, pong_ms=now_ms, namespaces=frozenset(sockets))
        self._sessions.open(session)
        return session

    def sockets(self, target: Target) -> list[str]:
        """The namespaces that are connected over this transport, by the store."""
        known = self._connections.known
        sid = target.connection_id
        return [each for each in NAMESPACES if known(ids.socket_id(sid, each)) is not None]

    def _deadline(self, session: EngineSession) -> int:
        """For the answer to the last ping: as if it had been sent on time, half of it at least."""
        on_time_ms = session.pong_ms + self._interval_ms + self._timeout_ms
        return max(on_time_ms, session.ping_ms + self._timeout_ms // 2)

    def _old(self, target: Target, now_ms: int) -> bool:
        """Near the two hours after which API Gateway closes; not all of an hour's at once.

        Polling sessions too: what is kept of a connection expires an hour later.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
        """
        early_ms = zlib.crc32(target.connection_id.encode()) % SPREAD_MS
        age_ms = now_ms - target.connected_at_ms
        return age_ms > LIFE_MS - SPREAD_MS - self._interval_ms + early_ms

    def _beat(self, target: Target, ping_ms: int, due_ms: int) -> Heartbeat:
        """The next step. SQS delays by whole seconds: short intervals wait out the rest here."""
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
