"""Drills with faults: mixed clients talk in all regions while something fails, and heals.

Every room has members in every region, so that each message must cross. A third of the time all is
well, a third the scenario's faults last, a third follows their end. Then the logs of all regions
are read: they must be the same, and every client must have seen what is in them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from chalicelib.model.log import Durability
from tidings_client import ActionError
from workbench.stack.regions import deployment
from workbench.stack.regions.orders import LAG, REPLICATION, Order

from . import checker
from .aftermath import converged, not_copied, with_first_ids, without
from .crowd import TRANSPORTS, Progress, Watch, cast
from .figures import Figures, figures
from .ground import Ground
from .history import Acked, Client, History, LogEntry, MessageId, Room
from .json_member import JsonMember
from .members import Member
from .python_member import PythonMember
from .recorder import Recorder
from .scenarios import SCENARIOS
from .service import Service, ServiceError
from .swarm import Swarm
from .talking import Talk

REGIONS = ("us-east-1", "eu-west-1")
_LAG_MS = 3_000.0
_STARTS, _SETTLE_S, _STILL_S, _LOOK_S = 8, 120.0, 40.0, 0.25
# A client that only listens finds out by its heartbeat that its region has forgotten it.
_HEARTBEAT = {"TIDINGS_PING_INTERVAL_MS": "20000", "TIDINGS_PING_TIMEOUT_MS": "10000"}
_SETTINGS = {**_HEARTBEAT, "TIDINGS_LOG_LEVEL": "ERROR"}
_CONCURRENCY, _ACT_S = 64, 180.0  # an act takes less


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a drill.

    Attributes:
        seconds: Of talking, with and without faults.
        stock: Stock Socket.IO clients among a hundred; the others use the JSON protocol.
        room_size: Members of a room, spread over all regions.
        pause_s: Average seconds that a client waits between an ack and its next message.
        converge_s: Seconds after the end of the faults within which all must have been seen; None
            for what the scenario demands.
        durability: With `global`, messages are in a second region when they are acked. Then
            nothing that was acked may be lost with a region; and so that there is something to
            lose, replication from the first region takes some seconds.
    """

    scenario: str
    regions: tuple[str, ...] = REGIONS
    clients: int = 24
    seconds: float = 45.0
    seed: int = 1
    stock: int = 50
    room_size: int = 6
    pause_s: float = 5.0
    converge_s: float | None = None
    durability: Durability = Durability.REGIONAL

    @property
    def settings(self) -> dict[str, str]:
        """Of the regions' functions, as environment variables."""
        own = SCENARIOS[self.scenario].settings
        return {**_SETTINGS, **own, "TIDINGS_DURABILITY": self.durability}


@dataclass(frozen=True, slots=True)
class Result:
    """Attributes:
    kinds: The kind of each client.
    home: The region that each client connected to first.
    region_of: The region of each host.
    differing: Rooms whose logs differ between regions.
    not_copied: Messages that a region acked or pushed before it lost its data, and no other had.
    figures: How soon clients noticed, were back, and had everything.
    promises: What the scenario itself has checked, in words, and whether it held.
    noted: Figures of the scenario alone, by name.
    times: When the faults began and ended.
    converged_s: Seconds from the end of the faults until every client had seen every message that
        was acked before; None if one never did.
    settled_s: Seconds from the last ack until nothing was missing; None if it never settled.
    """

    plan: Plan
    kinds: Mapping[Client, str]
    home: Mapping[Client, str]
    region_of: Mapping[str, str]
    history: History
    verdict: checker.Verdict
    differing: tuple[Room, ...]
    not_copied: frozenset[MessageId]
    converged_s: float | None
    settled_s: float | None
    figures: Figures
    times: Times
    promises: Mapping[str, bool] = field(default_factory=dict)
    noted: Mapping[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every promise held, in time."""
        within_s = self.plan.converge_s or SCENARIOS[self.plan.scenario].converge_s
        in_time = self.converged_s is not None and self.converged_s <= within_s
        held = not self.verdict.faults and not self.verdict.counts.failed and not self.differing
        return held and in_time and all(self.promises.values())


@dataclass(frozen=True, slots=True)
class Times:
    """When the faults began, when all had begun, and when they ended; as recorded."""

    began_s: float
    failed_s: float
    healed_s: float


@dataclass(slots=True)
class _Region:
    name: str
    url: str
    service: Service
    swarm: Swarm | None
    members: list[Member] = field(default_factory=list)


async def run(plan: Plan, watch: Watch = lambda progress: None) -> Result:
    """Start the regions, run the scenario and judge it.

    Raises:
        ServiceError: It could not begin, or a log could not be read.
        StackError: The regions do not start.
    """
    rng = random.Random(plan.seed)
    kinds = cast(plan.clients, plan.stock)
    async with AsyncExitStack() as open_:
        stack = await open_.enter_async_context(
            deployment.Regions(
                deployment.Plan(
                    plan.regions,
                    port=0,
                    settings=plan.settings,
                    concurrency=max(_CONCURRENCY, plan.clients),  # polls wait in executions
                )
            )
        )
        recorder = Recorder()  # its time begins with what clients may see
        regions = []
        for name, url in stack.urls.items():
            service = await open_.enter_async_context(Service(url))
            swarm = None
            if any(kind.startswith("js ") for kind in kinds.values()):
                swarm = await open_.enter_async_context(Swarm(url, recorder))
            regions.append(_Region(name, url, service, swarm))
        drill = _Drill(plan, stack, regions, rng, recorder, watch)
        try:
            await drill.furnish(kinds)
            await drill.start(kinds)
            times = await drill.talk()
            settled_s = await drill.settle()
            events = tuple(recorder.events)  # without the end of the clients
        finally:
            await drill.end()
    history = History(drill.members_of, drill.log, events)
    scenario, first = SCENARIOS[plan.scenario], drill.clients_of(plan.regions[0])
    gone = not_copied(history, first, times.failed_s) if scenario.loses else frozenset()
    acks = (event for event in history.events if isinstance(event, Acked))
    gone -= {ack.message_id for ack in acks if ack.durability == Durability.GLOBAL}
    judged = without(history if not scenario.moves else with_first_ids(history), gone)
    converged_s = converged(judged, times.healed_s)
    return Result(
        plan,
        kinds,
        drill.ground.home,
        {urlsplit(url).netloc: name for name, url in stack.urls.items()},
        history,
        checker.check(judged),
        drill.differing,
        gone,
        converged_s,
        settled_s,
        figures(history, times.began_s, times.healed_s, converged_s),
        times,
        drill.ground.promises,
        drill.ground.noted,
    )


class _Drill:
    def __init__(
        self,
        plan: Plan,
        stack: deployment.Regions,
        regions: Sequence[_Region],
        rng: random.Random,
        recorder: Recorder,
        watch: Watch,
    ) -> None:
        self._plan = plan
        self._stack = stack
        self._regions = regions
        self._rng = rng
        self._recorder = recorder
        self._watch = watch
        self._tokens: dict[Client, str] = {}
        self._home: dict[Client, _Region] = {}
        self._homes: dict[Client, str] = {}
        self._rooms: dict[Client, dict[Room, str]] = {}
        self._first: dict[Room, dict[str, Any]] = {}
        self.members_of: dict[Room, frozenset[Client]] = {}
        self.log: dict[Room, tuple[LogEntry, ...]] = {}
        self.differing: tuple[Room, ...] = ()
        self.ground = Ground(
            stack,
            {each.name: each.service for each in regions},
            self._tokens,
            self._homes,
            self.members_of,
            recorder,
            rng,
        )

    def clients_of(self, region: str) -> frozenset[Client]:
        """Those whose first connection is to this region."""
        return frozenset(each for each, home in self._home.items() if home.name == region)

    async def furnish(self, kinds: Mapping[Client, str]) -> None:
        """Create tokens, and rooms whose members are in all regions, each with one message."""
        order = self._rng.sample(list(kinds), len(kinds))
        for number, client in enumerate(order):
            self._home[client] = self._regions[number % len(self._regions)]
            self._homes[client] = self._home[client].name
            self._tokens[client] = await self._home[client].service.token(client)
            self._rooms[client] = {}
        size = self._plan.room_size
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        for number, members in enumerate(groups):
            owner, *others = members
            service = self._home[owner].service
            room, first = await service.room(self._tokens[owner], others)
            self._first[room], self.members_of[room] = first, frozenset(members)
            for client in members:
                self._rooms[client][room] = first["position"]
            self._watch(Progress("rooms", number + 1, len(groups)))
        await self._until_everywhere()

    async def _until_everywhere(self) -> None:
        """Wait, bounded, until every member's region knows its room and the first message."""
        until_s = time.monotonic() + _SETTLE_S
        for room, members in self.members_of.items():
            for client in members:
                while not await self._home[client].service.has(
                    self._tokens[client], room, MessageId(self._first[room]["message_id"])
                ):
                    if time.monotonic() > until_s:
                        raise ServiceError(f"{room} did not reach {self._home[client].name}")
                    await asyncio.sleep(_LOOK_S)

    async def start(self, kinds: Mapping[Client, str]) -> None:
        """Connect all clients, some at a time."""
        places, started = asyncio.Semaphore(_STARTS), 0
        members = [self._member(client, kind) for client, kind in kinds.items()]

        async def begin(member: Member) -> None:
            nonlocal started
            async with places:
                await member.start()
            started += 1
            self._watch(Progress("clients", started, len(kinds)))

        try:
            async with asyncio.TaskGroup() as all_:
                for member in members:
                    all_.create_task(begin(member))
        except* (TimeoutError, ActionError) as faults:
            raise ServiceError(f"a client could not connect: {faults.exceptions[0]}") from faults

    def _member(self, client: Client, kind: str) -> Member:
        home = self._home[client]
        family, _, mode = kind.partition(" ")
        known = (self._tokens[client], self._rooms[client])
        moves = SCENARIOS[self._plan.scenario].moves
        others = [each.url for each in self._regions if moves and each is not home]
        member: Member
        if family == "json":
            member = JsonMember(client, home.url, *known, self._recorder, moves)
        elif family == "python":
            url, transports = home.url, TRANSPORTS[mode]
            member = PythonMember(client, url, *known, self._recorder, transports, others)
        else:
            assert home.swarm is not None
            options = {"transports": TRANSPORTS[mode]}
            member = home.swarm.member(client, *known, options, others)
        home.members.append(member)
        return member

    async def talk(self) -> Times:
        """Let all talk; begin and end the faults meanwhile."""
        if self._plan.durability is Durability.GLOBAL and SCENARIOS[self._plan.scenario].loses:
            lag = Order(self._plan.regions[0], REPLICATION, LAG, _LAG_MS)
            await self._stack.chaos.carry_out(lag)
        start_s, third_s = time.monotonic(), self._plan.seconds / 3
        lasts = SCENARIOS[self._plan.scenario].lasts
        until_s = start_s + self._plan.seconds + (0.0 if lasts else _ACT_S)
        talk = Talk(self._recorder, self._rng, self._plan.pause_s)
        talks = [
            asyncio.create_task(talk.until(member, list(self._rooms[member.name]), lambda: until_s))
            for region in self._regions
            for member in region.members
        ]
        await self._wait_until(start_s, start_s + third_s)
        began_s = self._mark("beginning")
        async with self._failing():
            failed_s = self._mark("begun")
            if lasts:
                await self._wait_until(start_s, start_s + 2 * third_s)
        healed_s = self._mark("ended")
        if not lasts:
            until_s = max(start_s + self._plan.seconds, time.monotonic() + third_s)
        await self._wait_until(start_s, until_s)
        await asyncio.gather(*talks)
        return Times(began_s, failed_s, healed_s)

    def _mark(self, what: str) -> float:
        """Record a moment of the scenario; return its time."""
        self._recorder.cut(what, self._plan.scenario)
        return self._recorder.events[-1].at_s

    @asynccontextmanager
    async def _failing(self) -> AsyncIterator[None]:
        """What fails in the scenario, from its beginning to its end."""
        scenario = SCENARIOS[self._plan.scenario]
        faults = scenario.faults(self._plan.regions)
        for order in faults:
            await self._stack.chaos.carry_out(order)
        async with scenario.act(self.ground) if scenario.act else nullcontext():
            yield
        for region in dict.fromkeys(order.region for order in faults):
            await self._stack.chaos.carry_out(Order(region))

    async def _wait_until(self, start_s: float, until_s: float) -> None:
        while (now_s := time.monotonic()) < until_s:
            done_s = min(now_s - start_s, self._plan.seconds)  # acts take longer
            self._watch(Progress("talking", done_s, self._plan.seconds))
            await asyncio.sleep(min(0.5, until_s - now_s))

    async def settle(self) -> float | None:
        """Read the logs until they agree and all clients have seen them, as long as that moves."""
        last = (-1, start_s := time.monotonic())
        while (now_s := time.monotonic()) - start_s < max(_SETTLE_S, self._plan.seconds / 2):
            await self._read_logs()
            history = History(self.members_of, self.log, tuple(self._recorder.events))
            due = {
                (client, message_id)
                for clients in checker.due(history).values()
                for client, ids in clients.items()
                for message_id in ids
            }
            missing = due - self._recorder.seen
            self._watch(Progress("settling", len(due) - len(missing), len(due)))
            if not missing and not self.differing:
                return now_s - start_s
            if len(self._recorder.events) != last[0]:
                last = (len(self._recorder.events), now_s)
            elif now_s - last[1] > _STILL_S:
                return None
            await asyncio.sleep(_LOOK_S)
        return None

    async def _read_logs(self) -> None:
        """Read each room in each region, with a token of a member there."""
        differing = []
        for room, members in self.members_of.items():
            first = MessageId(self._first[room]["message_id"])
            logs = []
            for region in self._regions:
                reader = next(each for each in sorted(members) if self._home[each] is region)
                logs.append(await region.service.log(self._tokens[reader], room, first))
            if any(log != logs[0] for log in logs):
                differing.append(room)
            self.log[room] = max(logs, key=len)
        self.differing = tuple(differing)

    async def end(self) -> None:
        members = [member for region in self._regions for member in region.members]
        await asyncio.gather(*(member.close() for member in members))
