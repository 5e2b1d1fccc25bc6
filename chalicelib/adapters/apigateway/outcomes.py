"""What the HTTP status of a post or a close means for its connection."""

from __future__ import annotations

from ...model.delivery import Outcome
from ...model.identifiers import ConnectionId
from ...ports.system import Clock

_OUTCOMES = {
    200: Outcome.DELIVERED,
    204: Outcome.DELIVERED,
    410: Outcome.GONE,
    413: Outcome.TOO_LARGE,
    429: Outcome.THROTTLED,
}
_CROWD, _CROWD_MS = 5, 1000


class Crowd:
    """Decides which of its two meanings a 429 has. Used only in the loop's thread.

    A 429 means that the client's buffer is full. But if, within a second, several connections and
    at least half of all answers are 429, the account's request quota is used up.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_ms = 0
        self._answers, self._throttled = 0, 0
        self._connections: set[ConnectionId] = set()

    def outcome(self, status: int, connection_id: ConnectionId) -> Outcome:
        now_ms = self._clock.now_ms()
        if now_ms - self._since_ms >= _CROWD_MS:
            self._since_ms, self._answers, self._throttled = now_ms, 0, 0
            self._connections.clear()
        self._answers += 1
        outcome = _OUTCOMES.get(status, Outcome.FAILED)
        if outcome is not Outcome.THROTTLED:
            return outcome
        self._throttled += 1
        self._connections.add(connection_id)
        many = len(self._connections) >= _CROWD and 2 * self._throttled >= self._answers
        return Outcome.BUSY if many else outcome
