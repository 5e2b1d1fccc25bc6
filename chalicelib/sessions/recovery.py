"""Connection state recovery: after a reconnect, a socket gets exactly the entries it missed.

A stock client keeps one text: the last argument of the latest event whose last argument is a text.
It sends this text when it returns. So each event of a log entry ends with an *offset*: a
checkpoint, and the streams that have grown since. How far each stream was sent is in Redis (the
trail of the socket). The workers of rooms post to these sockets (`messaging.recovering`). What they
cannot post, and CONNECT, is left to jobs in an order group of the socket (`c#<sid>`), which run one
at a time: they read from the trail what the socket was not sent yet.

When it is unknown whether a post arrived (a process died, Redis lost its data), the session is
closed. Its client then reconnects, and its offset says what it has.
https://socket.io/docs/v4/connection-state-recovery
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import wire
from ..connections.registry import Connections
from ..contract import events
from ..contract.events import DeliveryReceipt, SessionStarted
from ..jobs.delivery import DeliverToRecovering, StartRecovery
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, PermissionDenied, RateLimited, Unavailable
from ..messaging.backlog import TOO_LARGE, Backlog
from ..messaging.checkpoints import MOST_SINCE, Checkpoints
from ..messaging.confirmations import Confirmations
from ..messaging.fanout import RETRY_DELAYS_S, asked
from ..messaging.posting import TOO_MANY
from ..model.access import Identity
from ..model.connections import Target
from ..model.delivery import Outcome, Post
from ..model.identifiers import Stream
from ..model.log import Entry
from ..model.sessions import Checkpoint, Trail
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.sessions import CheckpointStore, Trails
from ..ports.system import Clock, Ids
from ..wire import offsets, socketio, socketwire
from ..wire.offsets import RecoveryClaim
from .engine import Engine
from .late_rooms import LateRooms
from .missed import MissedEntries
from .upgrades import Upgrades


@dataclass(frozen=True, slots=True)
class _Turn:
    """A stream that is marked in a socket's trail, so that its entries can be posted.

    Attributes:
        until: The seq up to which the socket has the stream when they are.
    """

    stream: Stream
    mark: str
    trail: Trail
    until: int


class Recovery:
    def __init__(
        self,
        *,
        store: CheckpointStore,
        trails: Trails,
        checkpoints: Checkpoints,
        connections: Connections,
        backlog: Backlog,
        confirmations: Confirmations,
        missed: MissedEntries,
        late_rooms: LateRooms,
        engine: Engine,
        upgrades: Upgrades,
        poster: Poster,
        queue: Queue,
        clock: Clock,
        ids_: Ids,
    ) -> None:
        self._store = store
        self._trails = trails
        self._checkpoints = checkpoints
        self._connections = connections
        self._backlog = backlog
        self._confirmations = confirmations
        self._missed = missed
        self._late_rooms = late_rooms
        self._engine = engine
        self._upgrades = upgrades
        self._poster = poster
        self._queue = queue
        self._clock = clock
        self._ids = ids_

    def ask(
        self,
        identity: Identity,
        target: Target,
        device: Mapping[str, str],
        claim: RecoveryClaim | None,
    ) -> bool:
        """Queue the answer to a CONNECT, after all earlier jobs of the socket's order group.

        Args:
            target: A target whose protocol can recover. Its sid is used unless the claim is valid.
            claim: What the client sent about an earlier socket, if anything.

        Returns:
            False if it is unknown whether it was queued.
        """
        found = self._missed.checkpoint(identity.user_id, target, claim)
        offset = claim.offset if claim is not None else None
        known = replace(target, sid=found.sid) if found is not None else target
        try:
            self._queue_start(identity, known, device, offset if found is not None else None)
        except Unavailable:
            telemetry.log("WARNING", "answer_in_doubt")
            return False
        return True

    def start(self, job: StartRecovery, attempt: int) -> None:
        """Open the socket, send what it missed and answer its CONNECT; or start a new socket.

        The trail is in doubt until this is done, so new entries are queued after this job.

        Args:
            attempt: How often the queue has handed out the job; `job.attempt` names the CONNECT.
        """
        if attempt > 1:
            job = replace(job, target=self._upgrades.followed(job.target))
        target = job.target
        try:
            before, is_held = self._trails.hold(target.sid), True
        except CacheDown:
            before, is_held = None, False
        if before is not None and (before.attempt, before.target) == (job.attempt, target):
            self._repeated(job, before)
            return
        if attempt > 1 and job.attempt and self._store.get(job.attempt) is not None:
            # CONNECT may have been answered, and Redis has no trail of that: a second answer would
            # start a second socket, which would omit what came meanwhile.
            self._start_over(target, before)
            return
        if not is_held:
            self._plain(job)
        elif self._open(job, target):
            self._resume(job, before)

    def deliver(self, job: DeliverToRecovering, attempt: int) -> int | None:
        """Send a socket an entry, and earlier entries of the stream that it has not been sent.

        Returns:
            The seconds to wait before the next attempt; None when done.
        """
        entry, target = job.entry, job.target
        stream, mark = (entry.room_id, entry.region), self._ids.token()
        try:
            [trail] = self._trails.begin([target.sid], stream, None, entry.seq, mark)
        except CacheDown:
            return self._later(target, attempt)
        if trail is None or trail.in_doubt:
            self._start_over(target, trail)
            return None
        if trail.seq is not None and trail.seq >= entry.seq:
            return None
        if trail.held:
            self._start_over(target, trail)
            return None
        turn = _Turn(stream, mark, trail, entry.seq)
        try:
            entries = self._missed.unsent(entry, trail)
            if entries is None:
                self._settle(turn, None)
                self._engine.close(trail.target)
                return None
            outcome = self._send(target, turn, entries, attempt)
        except Unavailable:
            self._settle(turn, None)
            raise
        except Exception as fault:  # noqa: BLE001 - its room has set it aside; the client syncs
            telemetry.error("recovery_entry_failed", fault)
            self._engine.close(trail.target)
            return None
        if outcome in (Outcome.BUSY, Outcome.UNSENT):
            raise Unavailable(TOO_MANY)
        if outcome is Outcome.THROTTLED:
            return self._later(trail.target, attempt)
        if outcome is Outcome.FAILED:
            self._engine.close(trail.target)
        return None

    def _start_over(self, target: Target, trail: Trail | None) -> None:
        """Close a session of which it is unknown what it was sent."""
        telemetry.log("INFO", "recovery_in_doubt", known=trail is not None)
        self._engine.close(target)
        if trail is not None and trail.target.connection_id != target.connection_id:
            self._engine.close(trail.target)  # it was upgraded after the job was queued

    def _repeated(self, job: StartRecovery, before: Trail) -> None:
        """Handle a job that has run before: it was done, or what it posted is unknown.

        Jobs of an earlier version do not name their attempt: it may be another CONNECT.
        """
        if before.in_doubt or not job.attempt:
            self._engine.close(job.target)
        else:
            self._answered(job.target, job.offset is not None)

    def _answered(self, target: Target, recovered: bool) -> None:
        """Do what follows the answer to a CONNECT; it may be done again."""
        self._trails.release(target.sid)
        self._upgrades.settle(target, wire.namespace(target.protocol))
        if recovered:
            self._late_rooms.look_later(target)

    def _queue_start(
        self, identity: Identity, target: Target, device: Mapping[str, str], offset: str | None
    ) -> None:
        token = self._ids.token()
        job = StartRecovery(
            target=target,
            identity=identity,
            device=dict(device),
            offset=offset,
            attempt=token,
            checked_ms=identity.checked_ms,
            token=token,
        )
        self._queue.send([job])

    def _open(self, job: StartRecovery, target: Target) -> bool:
        """Open the connection; False if the user may not have it, and was told."""
        try:
            self._connections.open(job.user, target, job.device)
        except (RateLimited, PermissionDenied) as refusal:
            why = {"message": str(refusal), "data": refusal.as_json()}
            self._engine.post(target, [_frame(socketio.PacketKind.CONNECT_ERROR, target, why)])
            return False
        return True

    def _resume(self, job: StartRecovery, before: Trail | None) -> None:
        target = job.target
        heads = self._missed.heads(target)
        if heads is None:
            self._plain(job)
            return
        missed: list[Entry] = []
        pid = self._ids.token()
        if job.offset is not None:
            found = self._missed.sendable(target, job.offset, heads)
            if found is None:
                telemetry.log("INFO", "not_recovered")
                self._note_begun(job, target, pid, {})  # another job answers
                self._connections.close(target.connection_id)
                afresh = replace(target, sid=self._ids.token())
                self._queue_start(job.user, afresh, job.device, None)
                return
            pid, missed, heads = found.pid, found.entries, dict(found.reached)
        offset = self._note_begun(job, target, pid, heads)
        trail = Trail(target, pid, offset, in_doubt=True, attempt=job.attempt)
        try:
            self._trails.start(target.sid, trail, heads)
        except CacheDown:
            self._plain(job)
            return
        if before is not None and before.target.connection_id != target.connection_id:
            self._engine.close(before.target)
        recovered = job.offset is not None
        due = [*map(events.of_entry, missed), SessionStarted(recovered)]
        frames = [wire.encode(target.protocol, event) for event in due]
        texts = [wire.with_offset(each, offset).decode() for each in frames if each is not None]
        session, namespace = ids.transport_id(target.connection_id), wire.namespace(target.protocol)
        self._engine.connected(session, namespace)
        self._confirmations.expect(missed)
        sent = [*texts, _connected(target, pid), *_questions(missed, target)]
        if self._engine.post(target, sent):
            self._answered(target, recovered)
            if recovered:
                telemetry.measure("recovered", self._clock.now_ms(), recoveries=1)

    def _note_begun(
        self, job: StartRecovery, target: Target, pid: str, seen: Mapping[Stream, int]
    ) -> str:
        """Before CONNECT may be answered: store a checkpoint for repeated jobs; return its name."""
        name = job.attempt or self._ids.token()
        now = Checkpoint(name, pid, target.sid, target.user_id, target.protocol, seen)
        self._store.put(now, self._clock.now_ms())
        return name

    def _send(self, target: Target, turn: _Turn, entries: list[Entry], attempt: int) -> Outcome:
        """Post entries one after the other, each with its offset, and settle what was sent.

        It is not settled if it is unknown whether the last post arrived.
        """
        trail = self._with_short_offsets(target.sid, turn.trail)
        posted, reached = 0, None
        for entry in entries:
            frame = wire.encode(target.protocol, events.of_entry(entry))
            if frame is not None and entry.origin_id != target.sid:
                offset = offsets.encode(trail, turn.stream, entry.seq)
                [outcome] = self._poster.post([Post(trail.target, wire.with_offset(frame, offset))])
                if outcome is Outcome.GONE:
                    return self._gone(target, turn, reached)
                if outcome is Outcome.TOO_LARGE:
                    self._backlog.set_aside(entry, TOO_LARGE, attempt)
                elif outcome is Outcome.DELIVERED:
                    posted += 1
                else:
                    if outcome.refused:
                        self._settle(turn, reached)
                    return outcome
            reached = entry.seq
        self._settle(turn, turn.until)
        telemetry.measure("posted", self._clock.now_ms(), posts_delivered=posted)
        questions = _questions(entries, target)
        self._poster.post([Post(trail.target, question.encode()) for question in questions])
        return Outcome.DELIVERED

    def _gone(self, target: Target, turn: _Turn, reached: int | None) -> Outcome:
        there = turn.trail.target
        if not self._connections.gone(there):
            self._settle(turn, reached)
            return Outcome.THROTTLED
        if target.connection_id != there.connection_id:
            self._engine.close(target)  # the socket moved there, but the trail does not say so
        return Outcome.GONE

    def _settle(self, turn: _Turn, reached: int | None) -> None:
        """Store up to which seq the socket was sent the stream; None for nothing.

        If that is not possible the stream stays marked, and the next job closes the session.
        """
        try:
            self._trails.settle(turn.stream, turn.mark, {turn.trail.target.sid: reached})
        except CacheDown:
            telemetry.log("WARNING", "sockets_in_doubt", sockets=1)

    def _with_short_offsets(self, sid: str, trail: Trail) -> Trail:
        """Return the trail; with a new checkpoint, if many streams have grown since its own."""
        if len(trail.since) < MOST_SINCE:
            return trail
        names = self._checkpoints.renew({sid: trail})
        if sid not in names:
            raise CacheDown("Redis lost the trail")  # the next attempt closes the session
        return replace(trail, checkpoint_id=names[sid], since=())

    def _later(self, target: Target, attempt: int) -> int | None:
        """Return the wait before the next attempt (s); after the third retry, close the session."""
        if attempt <= len(RETRY_DELAYS_S):
            return RETRY_DELAYS_S[attempt - 1]
        self._engine.close(target)
        return None

    def _plain(self, job: StartRecovery) -> None:
        """Open it as a socket that cannot recover, because recovery is not possible now.

        It gets a sid of its own: Redis may still have the trail of the socket that it was before.
        """
        namespace = wire.namespace(job.target.protocol)
        protocol = wire.of_namespace(namespace)
        plain = replace(job.target, protocol=protocol, sid=self._ids.token())
        if not self._open(job, plain):
            return
        self._note_begun(job, plain, self._ids.token(), {})
        self._engine.connected(ids.transport_id(plain.connection_id), namespace)
        if self._engine.post(plain, [_connected(plain, None)]):
            self._upgrades.settle(plain, namespace)


def _questions(entries: Sequence[Entry], target: Target) -> list[str]:
    """Return the frames that ask for acks of these posted entries, see `Confirmations`."""
    wanted = [entry for entry in entries if asked(entry, target)]
    asking = [DeliveryReceipt(each.room_id, each.message_id) for each in wanted]
    frames = [wire.encode(target.protocol, each) for each in asking]
    return [frame.decode() for frame in frames if frame is not None]


def _connected(target: Target, pid: str | None) -> str:
    data = {"sid": target.sid, **({"pid": pid} if pid is not None else {})}
    return _frame(socketio.PacketKind.CONNECT, target, data)


def _frame(kind: socketio.PacketKind, target: Target, data: Any) -> str:
    packet = socketio.Packet(kind, wire.namespace(target.protocol), data)
    return socketwire.frame(packet).decode()
