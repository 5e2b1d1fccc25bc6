"""Many senders at once, in threads, on a world whose time passes by itself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.composition import compose
from chalicelib.kernel.rates import Rate
from chalicelib.model.identifiers import MessageId, Region, RoomId
from chalicelib.model.log import Entry
from tests.support.threads import together
from tests.support.world import START_MS, Killed, World

ROOM, HERE = RoomId("lobby"), Region("us-east-1")
_RESENDS = 30


class RunningClock:
    """The time of a `FakeClock`, but it passes."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now_ms(self) -> int:
        return START_MS + int((time.monotonic() - self._began) * 1000)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Log:
    """Counts transactions; before and after number n it calls `before[n]` and `afterwards[n]`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.transactions = 0
        self.before: dict[int, Callable[[], Any]] = {}
        self.afterwards: dict[int, Callable[[], Any]] = {}

    def commit(self, *arguments: Any) -> Any:
        return self._counted(partial(self._inner.commit, *arguments))

    def commit_all(self, *arguments: Any) -> Any:
        return self._counted(partial(self._inner.commit_all, *arguments))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _counted(self, act: Callable[[], Any]) -> Any:
        with self._lock:
            self.transactions += 1
            number = self.transactions
        self.before.get(number, _nothing)()
        result = act()
        self.afterwards.get(number, _nothing)()
        return result


class Crowd:
    """
    Attributes:
        acks: Message ids by content, of all who were acked.
        refusals: The codes of errors, and "killed".
    """

    def __init__(self, count: int) -> None:
        self.world = world = World(room_rate=Rate(10_000, 10_000))
        users = [f"user{number}" for number in range(count)]
        world.room("user0", *users[1:])
        self.devices = [world.connect(user) for user in users]
        world.pump(until_ms=world.clock.ms)
        world.adapters.delivery.jobs.clear()  # type: ignore[attr-defined]
        clock = RunningClock()
        self.cache = world.cache = MemoryCache(world.ids, clock)
        self.log = Log(world.adapters.log)
        ports = {"cache": self.cache, "clock": clock, "log": self.log}
        world.services = compose(world.settings, replace(world.adapters, **ports))
        for device in self.devices:
            world.act(device, "join_room", room_id=ROOM)
        self.acks: dict[int, str] = {}
        self.refusals: Counter[str] = Counter()

    def send(self) -> None:
        """All send at once; whoever gets no ack sends again."""
        together([partial(self._send, number) for number in range(len(self.devices))])

    def entries(self) -> list[Entry]:
        entries: list[Entry] = self.log.after(ROOM, HERE, MessageId(""), 10_000)
        return entries

    def check(self) -> None:
        """In order, without a hole, once, and nothing that was acked is lost."""
        entries = self.entries()
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert {e.content: e.message_id for e in entries} == self.acks
        assert len(entries) == len(self.acks) == len(self.devices)
        queued = {job.entry.message_id for job in self.world.adapters.delivery.jobs}  # type: ignore[attr-defined]
        assert queued >= set(self.acks.values()), "acked means queued"

    def _send(self, number: int) -> None:
        body = {"conversation_id": ROOM, "message_type": "text", "content": number}
        for _ in range(_RESENDS):
            try:
                device = self.devices[number]
                answer = self.world.ask(
                    device, "send_message", client_message_id=f"c{number}", **body
                )
            except Killed:
                self.refusals["killed"] += 1
                continue
            if answer["event"] == "ack":
                self.acks[number] = answer["data"]["message_id"]
                return
            self.refusals[answer["data"]["code"]] += 1
        raise AssertionError(f"never acked: {self.refusals}")


def _nothing() -> None:
    return


def die() -> None:
    """The process that makes this call dies."""
    raise Killed
