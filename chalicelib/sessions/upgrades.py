"""Engine.IO upgrades: a websocket takes over a polling session with its frames and its sockets.

One process at a time hands over (`EngineSessions.drain`). If it dies, a job finishes the upgrade.
https://github.com/socketio/engine.io-protocol#upgrade
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import wire
from ..connections.registry import Connections
from ..jobs.sessions import FinishUpgrade
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, Conflict, Unavailable
from ..model.connections import Target
from ..model.delivery import Outcome
from ..model.identifiers import ConnectionId
from ..model.sessions import EngineSession
from ..ports.queues import Queue
from ..ports.sessions import EngineSessions, Trails
from ..ports.system import Clock, Ids
from ..wire import engineio
from .engine import NAMESPACES, Engine

_OF_POLLS = (
    engineio.EnginePacketKind.NOOP.value,
    engineio.EnginePacketKind.PING.value,
)  # packets that a websocket does not get
_AGAIN_S = 11  # after this time another process may hand over, in case the first one died


class Upgrades:
    def __init__(
        self,
        engine: Engine,
        sessions: EngineSessions,
        connections: Connections,
        trails: Trails,
        outbound: Queue,
        clock: Clock,
        ids_: Ids,
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._connections = connections
        self._trails = trails
        self._outbound = outbound
        self._clock = clock
        self._ids = ids_

    def take_over(self, session: EngineSession) -> bool:
        """Let a websocket take over a polling session; False when there is none to take over.

        Frames pushed during the hand-over join the end of the write buffer, which is posted here.
        Once it is empty, later frames go straight to the websocket. A job that repeats the
        hand-over is queued first, in case this process dies; without an upgrade it does nothing.
        """
        again = FinishUpgrade(target=session.target, polling=session.upgrades, delay_s=_AGAIN_S)
        self._outbound.send([again])
        try:
            return self._hand_over(session, resumes=False)
        except Conflict:
            return True  # the client asked twice, and the first request is being served
        except Unavailable:
            telemetry.log("WARNING", "upgrade_goes_on_later")
            return True

    def finish(self, job: FinishUpgrade) -> int | None:
        """Finish an upgrade whose process died; do nothing if it is already done.

        If the websocket has ended, that process may have begun the hand-over, or moved a socket,
        after its end was handled.

        Returns:
            The seconds after which to check again, if a process is still at work; else None.
        """
        session = self._sessions.get(job.target.connection_id)
        if session is None and job.polling is not None and self._left_behind(job.polling):
            self._engine.closed(job.polling)
        if session is None and self._engine.sockets(job.target):
            return _AGAIN_S if self._engine.end_if_gone(job.target) is None else None
        if session is None or session.upgrades is None:
            return None
        try:
            self._hand_over(session, resumes=True)
        except Conflict:
            return _AGAIN_S
        return None

    def _hand_over(self, session: EngineSession, *, resumes: bool) -> bool:
        """Post the write buffer, then move the sockets.

        Args:
            resumes: An earlier process died and may have moved some sockets already.

        Returns:
            False when there is no session to take over, or its frames could not be posted.

        Raises:
            Conflict: Another process is handing over.
            Unavailable: A frame was refused for now; it and the later ones stay in the buffer.
        """
        assert session.upgrades is not None
        old, target, mover = session.upgrades, session.target, self._ids.token()
        polls = resumes and self._sessions.get(old) is not None
        taken = self._sessions.drain(old, target, mover, self._clock.now_ms())
        if taken is None:
            return False
        frames = self._sessions.queued(old, mover, 0, self._clock.now_ms())
        if resumes and self._may_have_been_posted(frames or [], taken, target, polls=polls):
            telemetry.log("WARNING", "hand_over_undone")
            self._end(target, taken.target)
            return False
        while frames:  # one by one: if this process dies, at most one frame is posted twice
            if frames[0] not in _OF_POLLS:
                outcome = self._engine.try_post(target, frames[:1])
                if outcome.refused:
                    raise Unavailable("a frame was refused for now, try again")
                if outcome is not Outcome.DELIVERED:
                    telemetry.log("WARNING", "frame_not_handed_over", outcome=outcome)
                    self._end(target, taken.target)
                    return False
            frames = self._sessions.queued(old, mover, 1, self._clock.now_ms())
        if frames is None:
            if self._sessions.get(old) is not None:  # Redis failed over, so it waits again
                telemetry.log("WARNING", "hand_over_undone")
                self._end(target, taken.target)
            return True  # another process has taken over the hand-over
        # Looked up after the change, so that a socket opened in the meantime is moved as well.
        asked = sorted({*NAMESPACES, *taken.namespaces})
        moved = {each for each in asked if self._move(old, each, target)}
        if resumes:
            moved |= set(self._engine.sockets(target))
        now_ms = self._clock.now_ms()
        done = replace(session, upgrades=None, pong_ms=now_ms, namespaces=frozenset(moved))
        # Before it is stored that this is done: then the job does nothing any more.
        self._engine.begin(target)
        self._sessions.open(done)
        return True

    def _may_have_been_posted(
        self, frames: Sequence[str], taken: EngineSession, websocket: Target, *, polls: bool
    ) -> bool:
        """Whether frames wait that an earlier process may have posted all of.

        Redis failed over to a replica that lacks its hand-over: sockets were moved, which is done
        when nothing waits any longer; or the session still polled, so the hand-over may have begun.
        """
        if all(frame in _OF_POLLS for frame in frames):
            return False
        return polls or not taken.namespaces.isdisjoint(self._engine.sockets(websocket))

    def settle(self, target: Target, namespace: str) -> None:
        """Move a socket that was just opened, if its session was upgraded in the meantime."""
        to = self._upgraded(target)
        if to is not None:
            self._settle(target, namespace, to)

    def followed(self, target: Target) -> Target:
        """Return the target of a socket whose CONNECT is tried again: its websocket, if it has one.

        The attempt before may have opened it for the polls. Then it is moved, as opening it there
        again would make two sockets of one.
        """
        namespace = wire.namespace(target.protocol)
        try:
            to = self._upgraded(target)
        except CacheDown:
            return target
        if to is None:
            return target
        self._settle(target, namespace, to)
        return _over(to, target, namespace)

    def _upgraded(self, target: Target) -> Target | None:
        """The websocket that has taken over the session of a socket; None if none has."""
        if not target.polls:
            return None
        to = self._sessions.push(ids.transport_id(target.connection_id), [])
        return None if isinstance(to, bool) else to

    def _settle(self, target: Target, namespace: str, to: Target) -> None:
        old = ids.transport_id(target.connection_id)
        if self._move(old, namespace, to):
            if not self._engine.connected(to.connection_id, namespace):
                self._engine.end_if_gone(to)
            return
        moved = self._connections.known(ids.socket_id(to.connection_id, namespace))
        if moved is not None:  # moved before it was cached, so the cache may now have both
            self._follow(ids.socket_id(old, namespace), moved.target)
            self._connections.drop_ghosts(moved.user_id)

    def _end(self, websocket: Target, polling: Target) -> None:
        """End a session whose hand-over cannot go on: its client recovers over a new one."""
        self._engine.close(websocket)
        self._engine.close(polling)

    def _left_behind(self, polling: ConnectionId) -> bool:
        """Whether a session is still being handed over: it neither polls nor was it upgraded."""
        return self._sessions.get(polling) is None and self._sessions.push(polling, []) is True

    def _move(self, old: ConnectionId, namespace: str, to: Target) -> bool:
        """Move a polling session's socket to the websocket; False when there is no such socket."""
        known = self._connections.known(ids.socket_id(old, namespace))
        if known is None:
            return False
        moved = _over(to, known.target, namespace)
        self._connections.move(known.connection_id, moved)
        self._follow(known.connection_id, moved)
        return True

    def _follow(self, old: ConnectionId, moved: Target) -> None:
        try:
            self._trails.follow(moved.sid, old, moved)
        except CacheDown:
            telemetry.log("WARNING", "trail_not_moved")  # the next entry closes the session


def _over(websocket: Target, target: Target, namespace: str) -> Target:
    """A socket's target, over a websocket."""
    return replace(
        target,
        connection_id=ids.socket_id(websocket.connection_id, namespace),
        api_id=websocket.api_id,
        stage=websocket.stage,
        connected_at_ms=websocket.connected_at_ms,
    )
