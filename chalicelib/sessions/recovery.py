"""Connection state recovery: after a reconnect, a socket gets exactly the entries it missed.

A stock client keeps one text: the last argument of the latest event whose last argument is a text.
It sends this text when it returns. So each event of a log entry ends with an *offset*: a
checkpoint, and the streams that have grown since. One offset can describe all streams only if the
socket gets their events one after the other. So a socket that can recover has its own order group
(`c#<sid>`), which runs one job at a time. The job reads from Redis (the trail) how far each stream
was sent, and skips what was sent.

When it is unknown whether a post arrived (a process died, a response was lost, Redis lost its
data), the session is closed. Its client then reconnects, and its offset says what it has.
https://socket.io/docs/v4/connection-state-recovery
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import wire
from ..connections.registry import Connections
from ..contract import events
from ..contract.events import DeliveryReceipt, SessionStarted
from ..jobs.delivery import DeliverToRecovering, StartRecovery
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown, RateLimited, TidingsError, Unavailable
from ..messaging.backlog import TOO_LARGE, Backlog
from ..messaging.confirmations import Confirmations
from ..messaging.fanout import RETRY_DELAYS_S, asked
from ..messaging.posting import TOO_MANY
from ..messaging.reading import MessageReader
from ..model.access import Identity
from ..model.connections import Target
from ..model.delivery import Outcome, Post
from ..model.identifiers import Region, RoomId, Stream
from ..model.log import Entry
from ..model.sessions import Checkpoint, Trail
from ..ports.delivery import Poster
from ..ports.queues import Queue
from ..ports.sessions import CheckpointStore, Trails
from ..ports.system import Clock, Ids
from ..wire import socketio, socketwire
from . import offsets
from .engine import Engine
from .late_rooms import LateRooms
from .missed import MissedEntries
from .offsets import RecoveryClaim
from .upgrades import Upgrades

MOST_SINCE = 8  # streams that an offset names in addition to its checkpoint


class Recovery:
    def __init__(
        self,
        *,
        store: CheckpointStore,
        trails: Trails,
        connections: Connections,
        backlog: Backlog,
        confirmations: Confirmations,
        missed: MissedEntries,
        late_rooms: LateRooms,
        reader: MessageReader,
        engine: Engine,
        upgrades: Upgrades,
        poster: Poster,
        queue: Queue,
        clock: Clock,
        ids_: Ids,
    ) -> None:
        self._store = store
        self._trails = trails
        self._connections = connections
        self._backlog = backlog
        self._confirmations = confirmations
        self._missed = missed
        self._late_rooms = late_rooms
        self._reader = reader
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
    ) -> None:
        """Queue the answer to a CONNECT, after all earlier jobs of the socket's order group.

        Args:
            target: A target whose protocol supports recovery. Its sid is used if the claim is not
                valid.
            claim: What the client sent about an earlier socket, if anything.
        """
        found = self._missed.checkpoint(identity.user_id, target, claim)
        offset = claim.offset if claim is not None else None
        known = replace(target, sid=found.sid) if found is not None else target
        self._queue_start(identity, known, device, offset if found is not None else None)

    def start(self, job: StartRecovery) -> None:
        """Open the socket, send what it missed and answer its CONNECT; or start a new socket.

        From the moment the socket is open, its new entries are queued after this job.
        """
        target, identity = job.target, job.identity
        try:
            before = self._trails.begin(target.sid, _NO_STREAM)
        except CacheDown:
            self._plain(identity, target, job.device)
            return
        if before is not None and (before.attempt, before.target) == (job.attempt, target):
            self._repeated(job, before)
            return
        try:
            self._connections.open(identity, target, job.device)
        except RateLimited as refusal:
            self._refuse(target, refusal)
            return
        self._resume(identity, target, job, before)

    def deliver(self, job: DeliverToRecovering, attempt: int) -> int | None:
        """Send a socket an entry, and earlier entries of the stream that it has not been sent.

        Returns:
            The seconds to wait before the next attempt; None when done.
        """
        entry, target = job.entry, job.target
        stream = (entry.room_id, entry.region)
        try:
            trail = self._trails.begin(target.sid, stream)
        except CacheDown:
            return self._later(target, attempt)
        if trail is None or trail.in_doubt:
            telemetry.log("INFO", "recovery_in_doubt", known=trail is not None)
            self._engine.close(target)
            if trail is not None and trail.target.connection_id != target.connection_id:
                self._engine.close(trail.target)  # it was upgraded after the job was queued
            return None
        try:
            entries = self._unsent(entry, trail)
            if entries is None:
                self._trails.undo(target.sid)
                self._engine.close(trail.target)
                return None
            outcome = self._send(target, trail, entries, attempt)
        except Unavailable:
            self._trails.undo(target.sid)
            raise
        except Exception as fault:  # noqa: BLE001 - the letter names it; the client starts over
            self._backlog.set_aside(entry, fault, attempt)
            self._engine.close(trail.target)
            return None
        if outcome in (Outcome.BUSY, Outcome.UNSENT):
            self._trails.undo(target.sid)
            raise Unavailable(TOO_MANY)
        if outcome is Outcome.THROTTLED:
            self._trails.undo(target.sid)
            return self._later(trail.target, attempt)
        if outcome is Outcome.FAILED:
            self._engine.close(trail.target)
        return None

    def _repeated(self, job: StartRecovery, before: Trail) -> None:
        """Handle a job that has run before: it was done, or what it posted is unknown.

        Jobs of an earlier version do not name their attempt: it may be another CONNECT.
        """
        if before.in_doubt or not job.attempt:
            self._engine.close(job.target)
        else:
            self._trails.undo(job.target.sid)

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
            token=token,
        )
        self._queue.send([job])

    def _resume(
        self, identity: Identity, target: Target, job: StartRecovery, before: Trail | None
    ) -> None:
        heads = self._missed.heads(target)
        if heads is None:
            self._plain(identity, target, job.device)
            return
        missed: list[Entry] = []
        pid = self._ids.token()
        if job.offset is not None:
            found = self._missed.sendable(target, job.offset, heads)
            if found is None:
                telemetry.log("INFO", "not_recovered")
                self._connections.close(target.connection_id)
                afresh = replace(target, sid=self._ids.token())
                self._queue_start(identity, afresh, job.device, None)
                return
            pid, missed = found
        now = Checkpoint(self._ids.token(), pid, target.sid, target.user_id, target.protocol, heads)
        self._store.put(now, self._clock.now_ms())
        trail = Trail(target, pid, now.checkpoint_id, in_doubt=True, attempt=job.attempt)
        try:
            self._trails.start(target.sid, trail, heads)
        except CacheDown:
            self._plain(identity, target, job.device)
            return
        if before is not None and before.target.connection_id != target.connection_id:
            self._engine.close(before.target)
        offset, recovered = now.checkpoint_id, job.offset is not None
        due = [*map(events.of_entry, missed), SessionStarted(recovered)]
        frames = [wire.encode(target.protocol, event, offset) for event in due]
        texts = [frame.decode() for frame in frames if frame is not None]
        self._engine.connected(
            ids.transport_id(target.connection_id), wire.namespace(target.protocol)
        )
        self._confirmations.expect(missed)
        if self._engine.post(
            target, [*texts, _connected(target, pid), *_questions(missed, target)]
        ):
            self._trails.undo(target.sid)
            self._upgrades.settle(target, wire.namespace(target.protocol))
            if recovered:
                self._late_rooms.look_later(target)
                telemetry.measure("recovered", self._clock.now_ms(), recoveries=1)

    def _unsent(self, entry: Entry, trail: Trail) -> list[Entry] | None:
        """Return the entries up to this one that the socket has not been sent, oldest first.

        None if there are too many: its client starts over.
        """
        if trail.seq is None:
            return self._missed.since_joined(trail.target, entry)
        if entry.seq <= trail.seq:
            return []
        if entry.seq == trail.seq + 1:
            return [entry]
        return self._reader.entries_between(entry.room_id, entry.region, trail.seq, entry.seq)

    def _send(self, target: Target, trail: Trail, entries: list[Entry], attempt: int) -> Outcome:
        """Post entries one after the other, each with its offset."""
        if not entries:
            self._trails.undo(target.sid)
            return Outcome.DELIVERED
        sent = 0
        for entry in entries:
            before, trail = trail, self._went_on(target, trail, entry)
            frame = wire.encode(target.protocol, events.of_entry(entry), offsets.encode(trail))
            if frame is None or entry.origin_id == target.sid:
                continue
            [outcome] = self._poster.post([Post(trail.target, frame)])
            if outcome is Outcome.GONE:
                return self._gone(target, trail, sent)
            if outcome.refused:  # the socket has the entries before this one
                if sent:
                    self._trails.done(
                        target.sid, before, (entry.room_id, entry.region), entry.seq - 1
                    )
                return outcome
            if outcome is Outcome.TOO_LARGE:
                self._backlog.set_aside(entry, TOO_LARGE, attempt)
            elif outcome is not Outcome.DELIVERED:
                return Outcome.FAILED if sent else outcome
            sent += 1
        last = entries[-1]
        self._trails.done(target.sid, trail, (last.room_id, last.region), last.seq)
        telemetry.measure("posted", self._clock.now_ms(), posts_delivered=sent)
        questions = _questions(entries, target)
        self._poster.post([Post(trail.target, question.encode()) for question in questions])
        return Outcome.DELIVERED

    def _gone(self, target: Target, trail: Trail, sent: int) -> Outcome:
        if not self._connections.gone(trail.target):
            return Outcome.FAILED if sent else Outcome.THROTTLED
        if target.connection_id != trail.target.connection_id:
            self._engine.close(target)  # the socket moved there, but the trail does not say so
        return Outcome.GONE

    def _went_on(self, target: Target, trail: Trail, entry: Entry) -> Trail:
        """Return the trail with this entry sent.

        When too many streams have grown since its checkpoint, the trail gets a new checkpoint.
        """
        stream = (entry.room_id, entry.region)
        since = [each for each in trail.since if each[:2] != stream]
        if len(since) >= MOST_SINCE:
            seen = self._trails.seen(target.sid)
            if not seen:
                raise CacheDown("Redis lost the trail")  # the next attempt closes the session
            name, user_id = self._ids.token(), target.user_id
            now = Checkpoint(name, trail.pid, target.sid, user_id, target.protocol, seen)
            self._store.put(now, self._clock.now_ms())
            trail, since = replace(trail, checkpoint_id=name), []
        return replace(trail, since=(*since, (*stream, entry.seq)))

    def _later(self, target: Target, attempt: int) -> int | None:
        """Return the wait before the next attempt (s); after the third retry, close the session."""
        if attempt <= len(RETRY_DELAYS_S):
            return RETRY_DELAYS_S[attempt - 1]
        self._engine.close(target)
        return None

    def _plain(self, identity: Identity, target: Target, device: Mapping[str, str]) -> None:
        """Open it as a socket that cannot recover, because recovery is not possible now."""
        namespace = wire.namespace(target.protocol)
        plain = replace(target, protocol=wire.of_namespace(namespace))
        try:
            self._connections.open(identity, plain, device)
        except RateLimited as refusal:
            self._refuse(target, refusal)
            return
        self._engine.connected(ids.transport_id(target.connection_id), namespace)
        if self._engine.post(target, [_connected(target, None)]):
            self._upgrades.settle(target, namespace)

    def _refuse(self, target: Target, refusal: TidingsError) -> None:
        why = {"message": str(refusal), "data": refusal.as_json()}
        self._engine.post(target, [_frame(socketio.PacketKind.CONNECT_ERROR, target, why)])


_NO_STREAM: Stream = (RoomId(""), Region(""))


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
