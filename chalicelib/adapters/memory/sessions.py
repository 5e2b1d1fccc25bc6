"""The twin of Engine.IO sessions: see `ports.EngineSessions`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...kernel.errors import CacheDown, Conflict, NotFound, TooLarge
from ...model.connections import Target
from ...model.identifiers import ConnectionId
from ...model.sessions import EngineSession, PacketPart
from ...ports.system import Clock

MAX_PARTS, PARTS_MS, MAX_FRAMES, FAREWELL_MS, STALLED_MS = 66, 10_000, 1_000, 2_000, 10_000


@dataclass
class _Outbox:
    """A polling session's frames, the poll that waits for them, and its upgrade."""

    frames: list[str] = field(default_factory=list)
    poll: str = ""
    until_ms: int = 0
    to: Target | None = None
    upgraded: bool = False
    mover: str = ""
    moved_ms: int = 0


class MemorySessions:
    """
    Attributes:
        down: While true every call raises `CacheDown`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[ConnectionId, EngineSession] = {}
        self._outboxes: dict[ConnectionId, _Outbox] = {}
        self._ended: dict[ConnectionId, tuple[str, int]] = {}
        self._parts: dict[ConnectionId, tuple[int, dict[int, tuple[PacketPart, str]]]] = {}
        self._numbers: dict[ConnectionId, int] = {}
        self.down = False

    def flush(self) -> None:
        self._sessions.clear()
        self._outboxes.clear()
        self._parts.clear()

    def open(self, session: EngineSession) -> None:
        with self._lock:
            self._up()
            self._sessions[session.target.connection_id] = session
            if session.target.polls:
                self._outboxes[session.target.connection_id] = _Outbox()

    def get(self, sid: ConnectionId) -> EngineSession | None:
        with self._lock:
            self._up()
            outbox = self._outboxes.get(sid)
            return self._sessions.get(sid) if outbox is None or outbox.to is None else None

    def ping(self, sid: ConnectionId, before_ms: int, now_ms: int) -> bool:
        with self._lock:
            self._up()
            session = self._sessions.get(sid)
            if session is None or session.ping_ms != before_ms:
                return False
            self._sessions[sid] = replace(session, ping_ms=now_ms)
            return True

    def pong(self, sid: ConnectionId, now_ms: int) -> EngineSession | None:
        with self._lock:
            self._up()
            session = self._sessions.get(sid)
            if session is not None:
                session = self._sessions[sid] = replace(session, pong_ms=now_ms)
            return session

    def connect(self, sid: ConnectionId, namespace: str) -> None:
        with self._lock:
            self._up()
            session = self._sessions.get(sid)
            if session is not None:
                names = session.namespaces | {namespace}
                self._sessions[sid] = replace(session, namespaces=names)

    def gather(self, sid: ConnectionId, at_ms: int | None, part: str) -> list[PacketPart]:
        with self._lock:
            self._up()
            parts = self._waiting(sid)
            number = self._numbers[sid] = self._numbers.get(sid, 0) + 1
            wanted = None if part.startswith("b") else int(part[1:].partition("-")[0])
            known = PacketPart(number, at_ms if at_ms is not None else number, wanted)
            parts[number] = known, part
            self._parts[sid] = self._clock.now_ms() + PARTS_MS, parts
            if len(parts) > MAX_PARTS:
                del self._parts[sid]
                raise TooLarge("attachments: too many parts of incomplete packets")
            return [each for each, _ in parts.values()]

    def gathered(self, sid: ConnectionId) -> list[PacketPart]:
        with self._lock:
            self._up()
            return [each for each, _ in self._waiting(sid).values()]

    def hand_out(self, sid: ConnectionId, parts: Sequence[PacketPart]) -> list[str] | None:
        with self._lock:
            self._up()
            held = self._waiting(sid)
            if any(part.number not in held for part in parts):
                return None
            return [held.pop(part.number)[1] for part in parts]

    def close(self, sid: ConnectionId, last: str = "1") -> None:
        with self._lock:
            self._up()
            self._sessions.pop(sid, None)
            self._parts.pop(sid, None)
            if self._outboxes.pop(sid, None) is not None:
                self._ended[sid] = last, self._clock.now_ms() + FAREWELL_MS

    def farewell(self, sid: ConnectionId, last: str) -> bool:
        with self._lock:
            self._up()
            held, until_ms = self._ended.get(sid, ("", 0))
            if held != last or self._clock.now_ms() >= until_ms:
                return False
            del self._ended[sid]
            return True

    def push(self, sid: ConnectionId, frames: Sequence[str]) -> Target | bool:
        with self._lock:
            self._up()
            outbox = self._outboxes.get(sid)
            if outbox is None or len(outbox.frames) + len(frames) > MAX_FRAMES:
                return False
            if outbox.upgraded and outbox.to is not None:
                return outbox.to
            outbox.frames += frames
            return True

    def poll(self, sid: ConnectionId, poll: str, until_ms: int, now_ms: int) -> bool:
        with self._lock:
            self._up()
            outbox = self._outboxes.get(sid)
            if outbox is None or outbox.to is not None:
                raise NotFound("the session does not exist or has ended; open a new one")
            if outbox.poll and now_ms < outbox.until_ms:
                return False
            outbox.poll, outbox.until_ms = poll, until_ms
            return True

    def take(self, sid: ConnectionId, poll: str) -> list[str] | None:
        with self._lock:
            self._up()
            outbox = self._outboxes.get(sid)
            if outbox is None or outbox.poll != poll:
                return [self._ended.pop(sid, ("1", 0))[0]]
            if outbox.to is not None:
                outbox.poll = ""
                return ["6"]
            if not outbox.frames:
                return None
            taken, outbox.frames, outbox.poll = outbox.frames, [], ""
            return taken

    def wait(self, sid: ConnectionId, seconds: float) -> None:
        self._clock.sleep(seconds)

    def probe(self, sid: ConnectionId, now_ms: int) -> None:
        with self._lock:
            self._up()
            outbox, session = self._outboxes.get(sid), self._sessions.get(sid)
            if outbox is None or session is None:
                return
            self._sessions[sid] = replace(session, probed_ms=now_ms)
            if outbox.poll and now_ms:
                outbox.frames.append("6")

    def drain(self, sid: ConnectionId, to: Target, mover: str, now_ms: int) -> EngineSession | None:
        with self._lock:
            self._up()
            outbox = self._outboxes.get(sid)
            if outbox is None:
                return None
            if outbox.to is not None and outbox.to.connection_id != to.connection_id:
                return None
            if outbox.mover not in ("", mover) and now_ms - outbox.moved_ms < STALLED_MS:
                raise Conflict("another worker is moving this session's frames")
            outbox.to, outbox.mover, outbox.moved_ms = to, mover, now_ms
            return self._sessions.get(sid)

    def queued(self, sid: ConnectionId, mover: str, done: int, now_ms: int) -> list[str] | None:
        with self._lock:
            self._up()
            outbox = self._outboxes.get(sid)
            if outbox is None or outbox.mover != mover:
                return None
            outbox.moved_ms = now_ms
            outbox.frames = outbox.frames[done:]
            outbox.upgraded = not outbox.frames
            return list(outbox.frames)

    def _waiting(self, sid: ConnectionId) -> dict[int, tuple[PacketPart, str]]:
        until_ms, parts = self._parts.get(sid, (0, {}))
        return parts if self._clock.now_ms() < until_ms else {}

    def _up(self) -> None:
        if self.down:
            raise CacheDown("the cache is down")
