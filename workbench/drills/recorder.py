"""Records a drill's history while it happens, and which client has seen which message."""

from __future__ import annotations

import time
from collections.abc import Callable

from .history import (
    Acked,
    Client,
    Connected,
    Cut,
    Disconnected,
    Event,
    Failed,
    Key,
    MessageId,
    Pushed,
    Room,
    Seen,
    Sent,
)


class Recorder:
    """One for all clients of a drill; each call records one event at the present time.

    Attributes:
        events: In the order of the calls.
        seen: (client, message) pairs so far.
    """

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._start_s = monotonic_s()
        self.events: list[Event] = []
        self.seen: set[tuple[Client, MessageId]] = set()

    def sent(self, client: Client, room: Room, key: Key) -> None:
        self.events.append(Sent(self._now_s(), client, room, key))

    def acked(self, client: Client, room: Room, key: Key, message_id: MessageId) -> None:
        self.events.append(Acked(self._now_s(), client, room, key, message_id))

    def failed(self, client: Client, room: Room, key: Key, reason: str) -> None:
        self.events.append(Failed(self._now_s(), client, room, key, reason))

    def pushed(self, client: Client, room: Room, message_id: MessageId) -> None:
        self.events.append(Pushed(self._now_s(), client, room, message_id))

    def shown(self, client: Client, room: Room, message_id: MessageId) -> None:
        self.events.append(Seen(self._now_s(), client, room, message_id))
        self.seen.add((client, message_id))

    def connected(self, client: Client, recovered: bool = False) -> None:
        self.events.append(Connected(self._now_s(), client, recovered))

    def disconnected(self, client: Client, reason: str) -> None:
        self.events.append(Disconnected(self._now_s(), client, reason))

    def cut(self, way: str, what: str) -> None:
        self.events.append(Cut(self._now_s(), way, what))

    def _now_s(self) -> float:
        return round(self._monotonic_s() - self._start_s, 4)
