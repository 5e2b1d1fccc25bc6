"""The twin of Engine.IO sessions: see `ports.EngineSessions`. It follows `model.lifecycle`."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ...kernel.errors import CacheDown, Conflict, NotFound, TooLarge
from ...model import lifecycle
from ...model.access import Charge, Paid
from ...model.connections import Target
from ...model.identifiers import ConnectionId
from ...model.lifecycle import Input, Reaction, State
from ...model.sessions import (
    MAX_FRAMES,
    MAX_FRAMES_BYTES,
    MAX_PARTS,
    MAX_PARTS_BYTES,
    End,
    EngineSession,
    PacketPart,
)
from ...ports.system import Clock
from .buckets import Buckets, take

PARTS_MS, FAREWELL_MS, STALLED_MS = 60_000, 2_000, 10_000
UPGRADED_MS = 200_000  # then a session that was upgraded is forgotten
EXPIRES_MS = 1_000  # between two looks for what has expired


@dataclass
class _KeptSession:
    """A session, its state and frames, the poll that waits or was given some, its upgrade."""

    session: EngineSession
    state: State = State.OPEN
    frames: list[str] = field(default_factory=list)
    poll: str = ""
    until_ms: int = 0
    given: str = ""
    to: Target | None = None
    mover: str = ""
    moved_ms: int = 0
    forgotten_ms: float = float("inf")

    def moves_to(self, websocket: Target) -> bool:
        return self.to is not None and self.to.connection_id == websocket.connection_id

    def moved_by_another(self, mover: str, now_ms: int) -> bool:
        return self.mover != mover and now_ms - self.moved_ms < STALLED_MS


class MemorySessions:
    """
    Attributes:
        down: While true every call raises `CacheDown`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[ConnectionId, _KeptSession] = {}
        self._ended: dict[ConnectionId, tuple[End, int]] = {}
        self._parts: dict[ConnectionId, tuple[int, dict[int, tuple[PacketPart, str]]]] = {}
        self._numbers: dict[ConnectionId, int] = {}
        self._polling: dict[ConnectionId, int] = {}
        self._buckets: dict[ConnectionId, tuple[int, Buckets]] = {}
        self._expires_ms = 0
        self.down = False

    def flush(self) -> None:
        self._kept.clear()
        self._parts.clear()
        self._polling.clear()
        self._buckets.clear()

    def keys(self) -> list[str]:
        """The keys of Redis that stand for what is kept."""
        with self._lock:
            self._expire()
            found = [f"engine:{{{sid}}}" for sid in self._kept]
            found += [f"engine:{{{sid}}}:out" for sid, each in self._kept.items() if each.frames]
            found += [f"engine:{{{sid}}}:limits" for sid in self._buckets]
            found += [f"engine:{{{sid}}}:end" for sid in self._ended]
            return found + [f"engine:{{{sid}}}:parts" for sid in self._parts]

    def held_bytes(self) -> int:
        """The size of the frames and the parts that wait."""
        with self._lock:
            self._expire()
            frames = [text for each in self._kept.values() for text in each.frames]
            parts = [text for _, each in self._parts.values() for _, text in each.values()]
            return sum(len(text.encode()) for text in (*frames, *parts))

    def open(self, session: EngineSession) -> None:
        with self._lock:
            self._up()
            self._kept[session.target.connection_id] = _KeptSession(session)

    def get(self, sid: ConnectionId) -> EngineSession | None:
        with self._lock:
            effect, kept = self._step(sid, Input.LOOK)
            return kept.session if kept is not None and effect is Reaction.SHOW else None

    def pay(
        self, sid: ConnectionId, charge: Charge, *, named: bool = False
    ) -> tuple[EngineSession | None, Paid]:
        with self._lock:
            self._up()
            if named and self._find(sid) is None:
                return None, Paid()
            self._expire()
            now_ms = self._clock.now_ms()
            buckets = self._buckets.get(sid, (0, {}))[1]
            paid = take(buckets, charge, now_ms)
            self._buckets[sid] = now_ms + math.ceil(charge.burst * 1000 / charge.per_s), buckets
        return self.get(sid), paid

    def ping(self, sid: ConnectionId, before_ms: int, now_ms: int) -> bool:
        with self._lock:
            self._up()
            kept = self._find(sid)
            if kept is None or kept.session.ping_ms != before_ms:
                return False
            kept.session = replace(kept.session, ping_ms=now_ms)
            return True

    def pong(self, sid: ConnectionId, now_ms: int) -> EngineSession | None:
        with self._lock:
            effect, kept = self._step(sid, Input.NOTE)
            if kept is None or effect is not Reaction.STORE:
                return None
            kept.session = replace(kept.session, pong_ms=now_ms)
            return kept.session

    def connect(self, sid: ConnectionId, namespace: str) -> bool:
        with self._lock:
            effect, kept = self._step(sid, Input.NOTE)
            if kept is None or effect is not Reaction.STORE:
                return False
            names = kept.session.namespaces | {namespace}
            kept.session = replace(kept.session, namespaces=names)
            return True

    def disconnect(self, sid: ConnectionId, namespace: str) -> None:
        with self._lock:
            self._up()
            kept = self._find(sid)
            if kept is not None:
                names = kept.session.namespaces - {namespace}
                kept.session = replace(kept.session, namespaces=names)

    def gather(self, sid: ConnectionId, at_ms: int | None, part: str) -> list[PacketPart]:
        with self._lock:
            self._up()
            parts = self._waiting(sid)
            number = self._numbers[sid] = self._numbers.get(sid, 0) + 1
            wanted = None if part.startswith("b") else int(part[1:].partition("-")[0])
            known = PacketPart(number, at_ms if at_ms is not None else number, wanted)
            parts[number] = known, part
            self._parts[sid] = self._clock.now_ms() + PARTS_MS, parts
            size = sum(len(text.encode()) for _, text in parts.values())
            if len(parts) > MAX_PARTS or size > MAX_PARTS_BYTES:
                del self._parts[sid]
                raise TooLarge("attachments: too much of incomplete packets waits")
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

    def close(self, sid: ConnectionId, end: End = End.SERVER) -> None:
        with self._lock:
            effect, _ = self._step(sid, Input.CLOSE)
            self._parts.pop(sid, None)
            self._numbers.pop(sid, None)
            self._polling.pop(sid, None)
            if effect is Reaction.END:
                self._ended[sid] = end, self._clock.now_ms() + FAREWELL_MS

    def farewell(self, sid: ConnectionId) -> bool:
        with self._lock:
            self._up()
            end, until_ms = self._ended.get(sid, (End.SERVER, 0))
            if end is not End.CLIENT or self._clock.now_ms() >= until_ms:
                return False
            del self._ended[sid]
            return True

    def push(self, sid: ConnectionId, frames: Sequence[str]) -> Target | bool:
        with self._lock:
            effect, kept = self._step(sid, Input.PUSH)
            if kept is None or effect is Reaction.REFUSE:
                return False
            if effect is Reaction.FORWARD and kept.to is not None:
                return kept.to
            waiting = [*kept.frames, *frames]
            if (
                len(waiting) > MAX_FRAMES
                or sum(len(f.encode()) for f in waiting) > MAX_FRAMES_BYTES
            ):
                return False
            kept.frames += frames
            return True

    def poll(self, sid: ConnectionId, poll: str, until_ms: int, now_ms: int) -> int:
        with self._lock:
            effect, kept = self._step(sid, Input.POLL)
            if kept is None or effect is Reaction.REFUSE:
                raise NotFound("the session does not exist or has ended; open a new one")
            self._polling = {each: end for each, end in self._polling.items() if end > now_ms}
            self._polling[sid] = until_ms
            if kept.given == poll or (kept.poll and now_ms < kept.until_ms):
                return 0
            kept.poll, kept.until_ms = poll, until_ms
            return len(self._polling)

    def take(self, sid: ConnectionId, poll: str) -> list[str] | None:
        with self._lock:
            effect, kept = self._step(sid, Input.TAKE)
            if kept is None or kept.poll != poll:
                return [self._ended.pop(sid, (End.SERVER, 0))[0].packet]
            if effect is Reaction.GIVE and not kept.frames:
                return None
            kept.poll = ""
            if effect is Reaction.NOOP:
                return ["6"]
            taken, kept.frames = kept.frames, []
            if taken != ["6"]:
                kept.given = poll
            return taken

    def wait(self, sid: ConnectionId, seconds: float) -> None:
        self._clock.sleep(seconds)

    def probe(self, sid: ConnectionId, now_ms: int) -> None:
        with self._lock:
            effect, kept = self._step(sid, Input.PROBE if now_ms else Input.PROBE_ENDED)
            if kept is None or effect is Reaction.IGNORE:
                return
            kept.session = replace(kept.session, probed_ms=now_ms)
            if kept.poll and effect is Reaction.RELEASE:
                kept.frames.append("6")

    def drain(self, sid: ConnectionId, to: Target, mover: str, now_ms: int) -> EngineSession | None:
        with self._lock:
            self._up()
            held = self._find(sid)
            mine = held is not None and held.moves_to(to)
            if held is not None and mine and held.moved_by_another(mover, now_ms):
                raise Conflict("another worker is moving this session's frames")
            effect, kept = self._step(sid, Input.UPGRADE if mine else Input.OTHER_UPGRADE)
            if kept is None or effect is not Reaction.DRAIN:
                return None
            self._polling.pop(sid, None)
            kept.to, kept.mover, kept.moved_ms = to, mover, now_ms
            return kept.session

    def queued(self, sid: ConnectionId, mover: str, done: int, now_ms: int) -> list[str] | None:
        with self._lock:
            self._up()
            kept = self._find(sid)
            if kept is None or kept.mover != mover:
                return None
            kept.moved_ms = now_ms
            kept.frames = kept.frames[done:]
            if not kept.frames:
                self._step(sid, Input.EMPTIED)
                kept.forgotten_ms = self._clock.now_ms() + UPGRADED_MS
            return list(kept.frames)

    def _step(self, sid: ConnectionId, event: Input) -> tuple[Reaction, _KeptSession | None]:
        """Apply an input to the stored state; the session is None when it is not there."""
        self._up()
        kept = self._find(sid)
        found = lifecycle.step(kept.state if kept is not None else State.CLOSED, event)
        if kept is not None:
            kept.state = found.state
            if found.state is State.CLOSED:
                del self._kept[sid]
        return found.effect, kept

    def _find(self, sid: ConnectionId) -> _KeptSession | None:
        kept = self._kept.get(sid)
        if kept is None or self._clock.now_ms() < kept.forgotten_ms:
            return kept
        del self._kept[sid]
        return None

    def _expire(self) -> None:
        """Forget what has expired, so that a stack in memory does not grow."""
        now_ms = self._clock.now_ms()
        if now_ms < self._expires_ms:
            return
        self._expires_ms = now_ms + EXPIRES_MS
        self._buckets = {sid: each for sid, each in self._buckets.items() if each[0] > now_ms}
        self._ended = {sid: each for sid, each in self._ended.items() if each[1] > now_ms}
        self._parts = {sid: each for sid, each in self._parts.items() if each[0] > now_ms}
        self._numbers = {sid: each for sid, each in self._numbers.items() if sid in self._parts}
        for sid, kept in list(self._kept.items()):
            if now_ms >= kept.forgotten_ms:
                del self._kept[sid]

    def _waiting(self, sid: ConnectionId) -> dict[int, tuple[PacketPart, str]]:
        until_ms, parts = self._parts.get(sid, (0, {}))
        return parts if self._clock.now_ms() < until_ms else {}

    def _up(self) -> None:
        if self.down:
            raise CacheDown("the cache is down")
