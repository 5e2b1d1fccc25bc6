"""The in-memory twins of one region, by the names of their ports, for measurements and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.adapters import memory
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.memory.sessions import MemorySessions
from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.model.connections import Target
from chalicelib.model.identifiers import ConnectionId
from chalicelib.model.sessions import End, EngineSession
from chalicelib.ports.system import Clock, Ids

# The ports that are neither slow nor counted.
LOCAL = (
    "clock",
    "ids",
    "parallel",
    "secrets",
    "issuer",
    "peers",
    "probes",
    "metrics",
    "cluster",
    "poster",
)
QUEUES = ("delivery", "delivery_dead", "outbound", "outbound_dead", "inbox", "inbox_dead")
REDIS = ("cache", "sessions", "trails")


class RingingSessions(MemorySessions):
    """A poll that waits is woken, as by the bell of the Redis store."""

    def push(self, sid: ConnectionId, frames: Sequence[str]) -> Target | bool:
        kept = super().push(sid, frames)
        if kept is True:
            self._ring(sid)
        return kept

    def close(self, sid: ConnectionId, end: End = End.SERVER) -> None:
        super().close(sid, end)
        self._ring(sid)

    def probe(self, sid: ConnectionId, now_ms: int) -> None:
        super().probe(sid, now_ms)
        self._ring(sid)

    def drain(self, sid: ConnectionId, to: Target, mover: str, now_ms: int) -> EngineSession | None:
        taken = super().drain(sid, to, mover, now_ms)
        self._ring(sid)
        return taken

    def _ring(self, sid: ConnectionId) -> None:
        """End the next or present `wait` of the session."""
        raise NotImplementedError


class Nobody:
    """The ports that no message uses."""

    def put(self, values: Mapping[str, tuple[float, str]], at_ms: int) -> None:
        return

    def healthy(self, url: str) -> bool:
        return False

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        return

    def listen(self, heard: Any) -> None:
        return

    def close(self) -> None:
        return


def ports(clock: Clock, ids: Ids, secret: str) -> dict[str, Any]:
    """A twin for each field of `Adapters`, but for `poster` and `parallel`."""
    nobody = Nobody()
    return {
        "log": memory.MemoryMessageLog(),
        "cursors": memory.MemoryCursors(),
        "rooms": memory.MemoryRoomStore(),
        "friends": memory.MemoryFriendStore(),
        "consents": memory.MemoryConsentStore(),
        "revocations": memory.MemoryRevocationStore(),
        "presence": memory.MemoryPresenceStore(),
        "markers": memory.MemoryMarkers(),
        "connections": memory.MemoryConnectionStore(),
        "drains": memory.MemoryDrains(),
        "checkpoints": memory.MemoryCheckpointStore(),
        "sessions": MemorySessions(clock),
        "trails": MemoryTrails(),
        "cache": MemoryCache(ids, clock),
        **{name: memory.MemoryQueue() for name in QUEUES},
        "peer_outbound": memory.MemoryPeerQueues(),
        "peers": nobody,
        "arrivals": memory.MemoryArrivals(),
        "probes": memory.MemoryProbes(),
        "topic": memory.MemoryTopic(),
        "metrics": nobody,
        "cluster": nobody,
        "secrets": FixedSecrets({"jwt_secret": secret}),
        "issuer": memory.MemoryIssuer(),
        "clock": clock,
        "ids": ids,
    }
