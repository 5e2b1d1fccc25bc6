"""Cluster sync: messages that reach every running process at once.

`cluster:sync` carries {event, data, timestamp, source_instance}. Its events only speed up what
would happen a little later anyway. So a lost message causes a delay, but never a wrong result:

| event | data | a process then | without the message |
|---|---|---|---|
| `user_revoked` | user_id, until_ms | refuses the user's frames | the note in Redis refuses
  them, and the `disconnect` job closes the user's connections within seconds; new ones are refused
  by the store |

Membership, friendship and grants need no events: Redis caches them under a version that a change
replaces, and no process keeps a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..kernel import telemetry
from ..kernel.errors import CacheDown, PermissionDenied
from ..model.identifiers import UserId
from ..ports.access import ClusterBus
from ..ports.system import Clock

REVOKED = "your access is revoked at the moment, try again later"
_HELD = 10_000


class Cluster:
    def __init__(self, sync: ClusterBus, clock: Clock) -> None:
        self._sync = sync
        self._clock = clock
        self._revoked_ms: dict[UserId, int] = {}

    def listen(self) -> None:
        """Listen to the events of other processes; later calls do nothing."""
        self._sync.listen(self.heard)

    def revoked(self, user_id: UserId, until_ms: int) -> None:
        """Send a revocation to all processes, including this one."""
        data = {"user_id": user_id, "until_ms": until_ms}
        self.heard("user_revoked", data)
        try:
            self._sync.publish("user_revoked", data)
        except CacheDown:
            telemetry.log("WARNING", "sync_not_published")

    def check(self, user_id: UserId) -> None:
        """Raise `PermissionDenied` for a user whose revocation this process knows. No I/O."""
        if self._revoked_ms and self._revoked_ms.get(user_id, 0) > self._clock.now_ms():
            raise PermissionDenied(REVOKED)

    def heard(self, event: str, data: Mapping[str, Any]) -> None:
        """Handle an event; an unknown one comes from another version and is ignored."""
        if event == "user_revoked":
            if len(self._revoked_ms) >= _HELD:
                self._revoked_ms.clear()
            user_id, until_ms = UserId(data["user_id"]), int(data["until_ms"])
            self._revoked_ms[user_id] = max(until_ms, self._revoked_ms.get(user_id, 0))
