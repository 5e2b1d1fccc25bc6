"""The twin of checkpoints: see `ports.CheckpointStore`."""

from __future__ import annotations

import threading

from ...model.sessions import MOST_USES, Checkpoint


class MemoryCheckpointStore:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._checkpoints: dict[str, Checkpoint] = {}
        self._used: dict[str, set[str]] = {}

    def put(self, checkpoint: Checkpoint, now_ms: int) -> None:
        with self._lock:
            self._checkpoints[checkpoint.checkpoint_id] = checkpoint

    def get(self, checkpoint_id: str) -> Checkpoint | None:
        with self._lock:
            return self._checkpoints.get(checkpoint_id)

    def use(self, checkpoint_id: str, offset: str) -> bool:
        with self._lock:
            if checkpoint_id not in self._checkpoints:
                return False
            used = self._used.setdefault(checkpoint_id, set())
            if offset in used or len(used) >= MOST_USES:
                return False
            used.add(offset)
            return True
