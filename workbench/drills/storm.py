"""A storm: mixed clients send messages while their connections are cut at random.

Each client sends its next message when the last one is acked, and repeats a message under the same
key until it is. After the storm the clients settle; then what each has seen is compared with the
log. All random choices come from one seed, but not the timing: a seed repeats the choices of a
storm, not its exact course.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from workbench.gateway import Gateway
from workbench.stack.embedded import EmbeddedStack

from . import checker
from .crowd import MIX, Crowd, Progress, Watch, cast
from .doubles import Why, doubles
from .history import Client, History
from .proxy import CuttingProxy
from .recorder import Recorder
from .service import Service
from .swarm import Swarm
from .talking import Talk

# How a connection ends, and how often. Reset: both sides notice. Half-open: only the client does,
# and the stack continues to send. Server, client: the gateway or the client closes it.
WAYS = {"reset": 35, "half-open": 25, "server": 15, "client": 25}


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a storm.

    Attributes:
        stock: Stock Socket.IO clients among a hundred; the others use the JSON protocol.
        room_size: Members of a room.
        rooms_each: Rooms of each client.
        pause_s: Average seconds that a client waits between an ack and its next message.
        cuts_per_s: Connections cut a second, on average.
        young_share: The share of new requests that are cut in their first quarter of a second.
    """

    clients: int = 200
    seconds: float = 60.0
    seed: int = 1
    stock: int = 100 - MIX["json"]
    room_size: int = 4
    rooms_each: int = 2
    pause_s: float = 20.0
    cuts_per_s: float = 4.0
    young_share: float = 0.03


@dataclass(frozen=True, slots=True)
class Result:
    """Attributes:
    kinds: The kind of each client.
    settled_s: Seconds from the storm's end until nothing was missing; None if it never settled.
    """

    plan: Plan
    kinds: Mapping[Client, str]
    history: History
    verdict: checker.Verdict
    settled_s: float | None

    @property
    def ok(self) -> bool:
        return not self.verdict.faults and not self.verdict.counts.failed

    @property
    def mix(self) -> dict[str, int]:
        """Number of clients of each kind."""
        return {kind: list(self.kinds.values()).count(kind) for kind in MIX}

    @property
    def doubles(self) -> dict[str, dict[str, int]]:
        """Repeated pushes by their explanation, and by kind of client."""
        found: dict[str, dict[str, int]] = {why.value: {} for why in Why}
        for double in doubles(self.history):
            kinds = found[double.why.value]
            kind = self.kinds[double.client]
            kinds[kind] = kinds.get(kind, 0) + 1
        return found


def stack() -> EmbeddedStack:
    """A stack for a storm: capacity for held polls, and a short enough heartbeat.

    A stock JavaScript client that loses the websocket in the last step of an upgrade neither polls
    nor closes, until it got no ping for interval plus timeout.
    """
    heartbeat = {"TIDINGS_PING_INTERVAL_MS": "20000", "TIDINGS_PING_TIMEOUT_MS": "10000"}
    environment = {**heartbeat, "TIDINGS_LOG_LEVEL": "ERROR"}
    return EmbeddedStack(port=0, concurrency=256, environment=environment)


async def storm(
    plan: Plan, url: str, gateway: Gateway | None, watch: Watch = lambda progress: None
) -> Result:
    """Run a storm against a local stack.

    Args:
        gateway: The stack's gateway, if it runs in this process: then it closes connections, too.

    Raises:
        ServiceError: The storm could not begin, or the log could not be read.
    """
    rng = random.Random(plan.seed)
    recorder = Recorder()
    kinds = cast(plan.clients, plan.stock)
    async with AsyncExitStack() as open_:
        service = await open_.enter_async_context(Service(url))
        proxy = await open_.enter_async_context(CuttingProxy(url, rng, recorder.cut))
        swarm = await open_.enter_async_context(Swarm(proxy.url, recorder))
        crowd = Crowd(proxy.url, service, swarm, recorder, rng, watch)
        run = _Storm(plan, gateway, rng, recorder, proxy, crowd, watch)
        await crowd.furnish(kinds, plan.room_size, plan.rooms_each)
        try:
            await crowd.start(kinds)
            await run.blow()
            settled_s = await crowd.settle()
        finally:
            await crowd.end()
    history = crowd.history
    return Result(plan, kinds, history, checker.check(history), settled_s)


class _Storm:
    def __init__(
        self,
        plan: Plan,
        gateway: Gateway | None,
        rng: random.Random,
        recorder: Recorder,
        proxy: CuttingProxy,
        crowd: Crowd,
        watch: Watch,
    ) -> None:
        self._plan = plan
        self._gateway = gateway
        self._rng = rng
        self._recorder = recorder
        self._proxy = proxy
        self._crowd = crowd
        self._watch = watch

    async def blow(self) -> None:
        """Send and cut; then stop cutting and wait for the last acks."""
        start_s = time.monotonic()
        until_s = start_s + self._plan.seconds
        self._proxy.young_share = self._plan.young_share
        talk = Talk(self._recorder, self._rng, self._plan.pause_s)
        talks = [
            asyncio.create_task(talk.until(member, self._crowd.rooms_of(member), lambda: until_s))
            for member in self._crowd.members
        ]
        cuts = asyncio.create_task(self._cut_until(until_s))
        while (now_s := time.monotonic()) < until_s:
            self._watch(Progress("storm", now_s - start_s, self._plan.seconds))
            await asyncio.sleep(min(0.5, until_s - now_s))
        await cuts
        self._proxy.young_share = 0.0
        self._watch(Progress("storm", self._plan.seconds, self._plan.seconds))
        await asyncio.gather(*talks)

    async def _cut_until(self, until_s: float) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(self._plan.cuts_per_s))
            if time.monotonic() >= until_s:
                return
            [way] = self._rng.choices(list(WAYS), list(WAYS.values()))
            self._cut(way)

    def _cut(self, way: str) -> None:
        if way == "client":
            member = self._rng.choice(self._crowd.members)
            self._recorder.cut(way, "client")
            member.cut()
        elif way == "server":
            if self._gateway is not None and (open_ := list(self._gateway.connections.values())):
                self._recorder.cut(way, "websocket")
                self._rng.choice(open_).close(1001, "Going away")
        elif lines := self._proxy.whole:
            line = self._rng.choice(lines)
            (self._proxy.reset if way == "reset" else self._proxy.half_open)(line)
