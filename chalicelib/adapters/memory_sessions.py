"""The twin of Engine.IO sessions: see `ports.EngineSessions`."""

from __future__ import annotations

import threading
from dataclasses import replace

from ..errors import CacheDown, TooLarge
from ..model import ConnectionId, EngineSession
from ..ports import Clock

MAX_PARTS, PARTS_MS = 66, 10_000


class MemorySessions:
    """
    Attributes:
        down: While true every call raises `CacheDown`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[ConnectionId, EngineSession] = {}
        self._parts: dict[ConnectionId, tuple[int, list[tuple[int, bool, int, str]]]] = {}
        self.down = False

    def flush(self) -> None:
        self._sessions.clear()
        self._parts.clear()

    def open(self, session: EngineSession) -> None:
        with self._lock:
            self._up()
            self._sessions[session.target.connection_id] = session

    def get(self, sid: ConnectionId) -> EngineSession | None:
        with self._lock:
            self._up()
            return self._sessions.get(sid)

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

    def gather(self, sid: ConnectionId, at_ms: int, part: str) -> list[str] | None:
        with self._lock:
            self._up()
            until_ms, parts = self._parts.get(sid, (0, []))
            if self._clock.now_ms() >= until_ms:
                parts = []
            parts.append((at_ms, part.startswith("b"), len(parts), part))
            self._parts[sid] = self._clock.now_ms() + PARTS_MS, parts
            if len(parts) > MAX_PARTS:
                del self._parts[sid]
                raise TooLarge("attachments: too many parts of packets wait for others")
            return self._complete(sorted(parts), parts)

    def close(self, sid: ConnectionId) -> None:
        with self._lock:
            self._up()
            self._sessions.pop(sid, None)
            self._parts.pop(sid, None)

    def _complete(
        self, ordered: list[tuple[int, bool, int, str]], parts: list[tuple[int, bool, int, str]]
    ) -> list[str] | None:
        heads = [number for number, each in enumerate(ordered) if not each[1]]
        if not heads:
            return None
        start = heads[0]
        end = heads[1] if len(heads) > 1 else len(ordered)
        wanted = int(ordered[start][3][1:].partition("-")[0])
        taken = ordered[start : min(end, start + 1 + wanted)]
        if len(taken) <= wanted:
            return None
        for each in taken:
            parts.remove(each)
        return [part for _, _, _, part in taken]

    def _up(self) -> None:
        if self.down:
            raise CacheDown("the cache is down")
