"""The twin of trails: see `ports.Trails`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...kernel.errors import CacheDown
from ...model.connections import Target
from ...model.identifiers import ConnectionId, Stream
from ...model.sessions import StreamsSent, Trail


@dataclass(frozen=True, slots=True)
class _KeptTrail:
    """A trail, the seq sent of each stream, its marks, and the epoch in which it was started."""

    trail: Trail
    seen: Mapping[Stream, int]
    epoch: int
    marks: Mapping[Stream, str] = field(default_factory=dict)


class MemoryTrails:
    """
    Attributes:
        down: While true every call raises `CacheDown`.
        copy: What a replica that lags has: the trails as they were when `lag` was called.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trails: dict[str, _KeptTrail] = {}
        self._epoch = 0
        self.copy: dict[str, _KeptTrail] = {}
        self.down = False

    def flush(self) -> None:
        self._trails.clear()

    def keys(self) -> list[str]:
        """The keys of Redis that stand for what is kept."""
        with self._lock:
            return [f"trail:{{{sid}}}" for sid in self._trails]

    def lag(self) -> None:
        """From now on, a replica does not get what is written."""
        self.copy = dict(self._trails)

    def fail_over(self) -> None:
        """Continue with the replica's data."""
        self._trails, self._epoch = dict(self.copy), self._epoch + 1

    def start(self, sid: str, trail: Trail, seen: Mapping[Stream, int]) -> None:
        with self._lock:
            self._up()
            self._trails[sid] = _KeptTrail(replace(trail, seq=None), dict(seen), self._epoch)

    def hold(self, sid: str) -> Trail | None:
        with self._lock:
            self._up()
            if sid not in self._trails:
                return None
            trail = self._read(self._trails[sid])
            self._change(sid, in_doubt=True)
            return trail

    def release(self, sid: str) -> None:
        with self._lock:
            self._up()
            self._change(sid, in_doubt=False)

    def begin(
        self, sids: Sequence[str], stream: Stream, after: int | None, upto: int, mark: str
    ) -> list[Trail | None]:
        with self._lock:
            self._up()
            return [self._begin(sid, stream, after, upto, mark) for sid in sids]

    def settle(self, stream: Stream, mark: str, sent: Mapping[str, int | None]) -> dict[str, int]:
        counts = {}
        with self._lock:
            self._up()
            for sid, seq in sent.items():
                kept = self._trails.get(sid)
                if kept is None or kept.marks.get(stream) != mark:
                    continue
                marks = {each: by for each, by in kept.marks.items() if each != stream}
                self._trails[sid] = replace(kept, marks=marks)
                if seq is not None and seq > kept.seen.get(stream, 0):
                    others = (each for each in kept.trail.since if each[:2] != stream)
                    self._change(sid, since=(*others, (*stream, seq)))
                    seen = {**kept.seen, stream: seq}
                    self._trails[sid] = replace(self._trails[sid], seen=seen)
                counts[sid] = len(self._trails[sid].trail.since)
        return counts

    def sent(self, sids: Sequence[str]) -> dict[str, StreamsSent]:
        with self._lock:
            self._up()
            found = {sid: self._trails[sid] for sid in sids if sid in self._trails}
            return {
                sid: StreamsSent(dict(each.seen), each.trail.since) for sid, each in found.items()
            }

    def rebase(self, names: Mapping[str, str], sent: Mapping[str, StreamsSent]) -> None:
        with self._lock:
            self._up()
            for sid, name in names.items():
                if sid in self._trails:
                    covered = {(room, region): seq for room, region, seq in sent[sid].since}
                    since = self._trails[sid].trail.since
                    later = tuple(each for each in since if each[2] > covered.get(each[:2], -1))
                    self._change(sid, checkpoint_id=name, since=later)

    def follow(self, sid: str, old: ConnectionId, target: Target) -> None:
        with self._lock:
            self._up()
            if sid in self._trails and self._trails[sid].trail.target.connection_id == old:
                self._change(sid, target=target)

    def _begin(
        self, sid: str, stream: Stream, after: int | None, upto: int, mark: str
    ) -> Trail | None:
        kept = self._trails.get(sid)
        if kept is None:
            return None
        trail = replace(self._read(kept), seq=kept.seen.get(stream), held=stream in kept.marks)
        seq = trail.seq or 0
        is_next = seq < upto and (after is None or seq >= after)
        if not is_next or trail.in_doubt or trail.held:
            return trail
        self._trails[sid] = replace(kept, marks={**kept.marks, stream: mark})
        return replace(trail, begun=True)

    def _read(self, kept: _KeptTrail) -> Trail:
        return replace(kept.trail, in_doubt=kept.trail.in_doubt or kept.epoch != self._epoch)

    def _change(self, sid: str, **fields: Any) -> None:
        if sid in self._trails:
            kept = self._trails[sid]
            self._trails[sid] = replace(kept, trail=replace(kept.trail, **fields))

    def _up(self) -> None:
        if self.down:
            raise CacheDown("the cache is down")
