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
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from tidings_client import ActionError
from workbench.gateway import Gateway
from workbench.stack.embedded import EmbeddedStack

from . import checker
from .doubles import Why, doubles
from .history import Client, History, LogEntry, MessageId, Room
from .json_member import JsonMember
from .members import Member
from .proxy import CuttingProxy
from .python_member import PythonMember
from .recorder import Recorder
from .service import Service, ServiceError
from .swarm import Swarm
from .talking import Talk

# Number of clients of each kind among a hundred; the shares of stock clients among themselves.
MIX = {
    "json": 30,
    "js websocket": 22,
    "js polling": 12,
    "js upgrade": 22,
    "python websocket": 6,
    "python polling": 3,
    "python upgrade": 5,
}
TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
}
# How a connection ends, and how often. Reset: both sides notice. Half-open: only the client does,
# and the stack continues to send. Server, client: the gateway or the client closes it.
WAYS = {"reset": 35, "half-open": 25, "server": 15, "client": 25}
_STARTS, _SETTLE_S, _STILL_S = 12, 180.0, 45.0


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
class Progress:
    """The present state of a storm, for display."""

    phase: str
    done: float
    of: float


Watch = Callable[[Progress], None]


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


def cast(clients: int, stock: int = 100 - MIX["json"]) -> dict[Client, str]:
    """The kind of each client, in the shares of `MIX`, with every kind spread over all rooms.

    Args:
        stock: Stock clients among a hundred.
    """
    mix = {kind: share * stock / (100 - MIX["json"]) for kind, share in MIX.items()}
    mix["json"] = 100 - stock
    shares = {kind: clients * share / 100 for kind, share in mix.items() if share}
    left = dict(shares)
    kinds: dict[Client, str] = {}
    for number in range(clients):
        # Next comes the kind that is furthest below its share.
        kind = max(left, key=lambda each: left[each] / shares[each])
        left[kind] -= 1
        kinds[Client(f"storm-{number:03}")] = kind
    return kinds


def seat(clients: Sequence[Client], plan: Plan, rng: random.Random) -> list[list[Client]]:
    """Members of each room: each client in `rooms_each` rooms, with different others."""
    seats = []
    for _ in range(plan.rooms_each):
        order = rng.sample(list(clients), len(clients))
        seats += [order[at : at + plan.room_size] for at in range(0, len(order), plan.room_size)]
    return seats


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
        run = _Storm(plan, gateway, rng, recorder, service, proxy, swarm, watch)
        await run.furnish(kinds)
        try:
            await run.start(kinds)
            await run.blow()
            settled_s = await run.settle()
        finally:
            await run.end()
    history = History(run.members_of, run.log, tuple(recorder.events))
    return Result(plan, kinds, history, checker.check(history), settled_s)


class _Storm:
    def __init__(
        self,
        plan: Plan,
        gateway: Gateway | None,
        rng: random.Random,
        recorder: Recorder,
        service: Service,
        proxy: CuttingProxy,
        swarm: Swarm,
        watch: Watch,
    ) -> None:
        self._plan = plan
        self._gateway = gateway
        self._rng = rng
        self._recorder = recorder
        self._service = service
        self._proxy = proxy
        self._swarm = swarm
        self._watch = watch
        self._tokens: dict[Client, str] = {}
        self._first: dict[Room, dict[str, Any]] = {}
        self._owners: dict[Room, Client] = {}
        self._members: list[Member] = []
        self._rooms: dict[Client, dict[Room, str]] = {}
        self.members_of: dict[Room, frozenset[Client]] = {}
        self.log: dict[Room, tuple[LogEntry, ...]] = {}

    async def furnish(self, kinds: Mapping[Client, str]) -> None:
        """Create tokens, and rooms with one message each."""
        for client in kinds:
            self._tokens[client] = await self._service.token(client)
            self._rooms[client] = {}
        seats = seat(list(kinds), self._plan, self._rng)
        for number, members in enumerate(seats):
            owner, *others = members
            room, first = await self._service.room(self._tokens[owner], others)
            self._owners[room], self._first[room] = owner, first
            self.members_of[room] = frozenset(members)
            for client in members:
                self._rooms[client][room] = first["position"]
            self._watch(Progress("rooms", number + 1, len(seats)))

    async def start(self, kinds: Mapping[Client, str]) -> None:
        """Connect all clients, some at a time."""
        places = asyncio.Semaphore(_STARTS)
        self._members = [self._member(client, kind) for client, kind in kinds.items()]
        started = 0

        async def begin(member: Member) -> None:
            nonlocal started
            async with places:
                await member.start()
            started += 1
            self._watch(Progress("clients", started, len(kinds)))

        try:
            async with asyncio.TaskGroup() as all_:
                for member in self._members:
                    all_.create_task(begin(member))
        except* (TimeoutError, ActionError) as faults:
            raise ServiceError(f"a client could not connect: {faults.exceptions[0]}") from faults

    def _member(self, client: Client, kind: str) -> Member:
        family, _, mode = kind.partition(" ")
        known = (self._tokens[client], self._rooms[client])
        if family == "json":
            return JsonMember(client, self._proxy.url, *known, self._recorder)
        if family == "python":
            url = self._proxy.url
            return PythonMember(client, url, *known, self._recorder, TRANSPORTS[mode])
        return self._swarm.member(client, *known, {"transports": TRANSPORTS[mode]})

    async def blow(self) -> None:
        """Send and cut; then stop cutting and wait for the last acks."""
        start_s = time.monotonic()
        until_s = start_s + self._plan.seconds
        self._proxy.young_share = self._plan.young_share
        talk = Talk(self._recorder, self._rng, self._plan.pause_s)
        talks = [
            asyncio.create_task(talk.until(member, list(self._rooms[member.name]), lambda: until_s))
            for member in self._members
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
            member = self._rng.choice(self._members)
            self._recorder.cut(way, "client")
            member.cut()
        elif way == "server":
            if self._gateway is not None and (open_ := list(self._gateway.connections.values())):
                self._recorder.cut(way, "websocket")
                self._rng.choice(open_).close(1001, "Going away")
        elif lines := self._proxy.whole:
            line = self._rng.choice(lines)
            (self._proxy.reset if way == "reset" else self._proxy.half_open)(line)

    async def settle(self) -> float | None:
        """Read the log; wait, bounded, until all clients have seen it and the queues are empty."""
        start_s = time.monotonic()
        self.log = {
            room: await self._service.log(
                self._tokens[owner], room, MessageId(self._first[room]["message_id"])
            )
            for room, owner in self._owners.items()
        }
        history = History(self.members_of, self.log, tuple(self._recorder.events))
        due = {
            (client, message_id)
            for clients in checker.due(history).values()
            for client, ids in clients.items()
            for message_id in ids
        }
        last = (len(self._recorder.events), start_s)
        while (now_s := time.monotonic()) - start_s < _SETTLE_S:
            missing, waiting = due - self._recorder.seen, await self._service.waiting()
            self._watch(Progress("settling", len(due) - len(missing), len(due)))
            if not missing and not waiting:
                return now_s - start_s
            if len(self._recorder.events) != last[0] or waiting:
                last = (len(self._recorder.events), now_s)
            elif now_s - last[1] > _STILL_S:
                return None
            await asyncio.sleep(0.5)
        return None

    async def end(self) -> None:
        await asyncio.gather(*(member.close() for member in self._members))
