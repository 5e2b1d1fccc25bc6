"""Records a drill's history while it happens, and which client has seen which message."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from .history import (
    Ack,
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
    Refusal,
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
        self.events.append(Sent(self.now_s(), client, room, key))

    def acked(self, client: Client, room: Room, key: Key, ack: Ack) -> None:
        event = Acked(self.now_s(), client, room, key, ack.message_id, ack.durability)
        self.events.append(event)

    def failed(self, client: Client, room: Room, key: Key, reason: str) -> None:
        self.events.append(Failed(self.now_s(), client, room, key, reason))

    def pushed(self, client: Client, room: Room, message_id: MessageId) -> None:
        self.events.append(Pushed(self.now_s(), client, room, message_id))

    def shown(self, client: Client, room: Room, message_id: MessageId) -> None:
        self.events.append(Seen(self.now_s(), client, room, message_id))
        self.seen.add((client, message_id))

    def connected(self, client: Client, recovered: bool = False, url: str = "") -> None:
        self.events.append(Connected(self.now_s(), client, recovered, urlsplit(url).netloc))

    def disconnected(self, client: Client, reason: str) -> None:
        self.events.append(Disconnected(self.now_s(), client, reason))

    def refused(self, client: Client, what: str) -> None:
        self.events.append(Refusal(self.now_s(), client, what))

    def cut(self, way: str, what: str) -> None:
        self.events.append(Cut(self.now_s(), way, what))

    def now_s(self) -> float:
        """Seconds since the drill began."""
        return round(self._monotonic_s() - self._start_s, 4)
