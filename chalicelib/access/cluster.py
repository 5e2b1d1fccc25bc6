"""Cluster sync: news that every running process takes up at once.

`cluster:sync` carries {event, data, timestamp, source_instance}. It makes immediate what holds
without it a little later, so a lost message costs staleness and never correctness:

| event | data | a process then | without the message |
|---|---|---|---|
| `user_revoked` | user_id, until_ms | refuses the user's frames | his connections are closed by the
  `disconnect` job: seconds; new ones are refused by the store from the first moment |

Membership, friendship and grants need none: what is cached of them is in Redis under a version
that a change replaces, and no process keeps a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..kernel import telemetry
from ..kernel.errors import CacheDown, PermissionDenied
from ..model.identifiers import UserId
from ..ports.access import ClusterBus
from ..ports.system import Clock

_HELD = 10_000


class Cluster:
    def __init__(self, sync: ClusterBus, clock: Clock) -> None:
        self._sync = sync
        self._clock = clock
        self._revoked_ms: dict[UserId, int] = {}

    def listen(self) -> None:
        """Take up what others publish; the first call starts it."""
        self._sync.listen(self.heard)

    def revoked(self, user_id: UserId, until_ms: int) -> None:
        """Tell all processes, this one included."""
        news = {"user_id": user_id, "until_ms": until_ms}
        self.heard("user_revoked", news)
        try:
            self._sync.publish("user_revoked", news)
        except CacheDown:
            telemetry.log("WARNING", "sync_not_published")

    def check(self, user_id: UserId) -> None:
        """Raise `PermissionDenied` for one whose revocation was heard of; asks nobody."""
        if self._revoked_ms and self._revoked_ms.get(user_id, 0) > self._clock.now_ms():
            raise PermissionDenied("access is revoked for a time")

    def heard(self, event: str, data: Mapping[str, Any]) -> None:
        """One message; an event that is not known is another version's and is left alone."""
        if event == "user_revoked":
            if len(self._revoked_ms) >= _HELD:
                self._revoked_ms.clear()
            self._revoked_ms[UserId(data["user_id"])] = int(data["until_ms"])
