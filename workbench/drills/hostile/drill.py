"""The hostile drill: honest clients talk, first alone, then under attack; both times are compared.

Three processes: the stack, which counts who causes what; the attackers; and this one, with the
honest clients and their Node process.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from operate.surroundings import local
from workbench.stack.children import StackError

from .. import checker
from ..crowd import Crowd, Progress, Watch, cast
from ..history import Client, Disconnected, History
from ..recorder import Recorder
from ..service import Service
from ..swarm import Swarm
from ..talking import Talk
from . import judging
from .attackers import ATTACKS
from .judging import Cost, Delays
from .ledger import USER

_READY_S, _ASKED_S, _END_S, _WARM_S = 90.0, 60.0, 15.0, 5.0
_GONE_S, _LOOK_S = 90.0, 2.0  # until the attackers' connections have timed out
_LINE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of the drill.

    Attributes:
        quiet_s, seconds: How long the honest are alone, and how long they are attacked.
        stock: Stock Socket.IO clients among a hundred; the others use the JSON protocol.
        pause_s: Average seconds that a client waits between an ack and its next message.
        attacks: The names of `ATTACKS`.
        per_s: Attacks a second, all together; some are several requests.
        most: Times that each is made, at most.
        stores: `memory`, as emulators would be what takes the machine's time; or `emulator`.
        within_ratio: How much longer deliveries may take under attack, p50 and p99; less than a
            tenth of a second they may take in any case.
    """

    clients: int = 50
    quiet_s: float = 30.0
    seconds: float = 30.0
    seed: int = 1
    stock: int = 50
    room_size: int = 5
    pause_s: float = 5.0
    attacks: tuple[str, ...] = tuple(ATTACKS)
    per_s: float = 10.0
    most: int = 2_000
    stores: str = "memory"
    within_ratio: float = 2.0


@dataclass(frozen=True, slots=True)
class Result:
    """Attributes:
    costs: Of each attack.
    honest: Calls of the stack's functions for the honest, while alone and under attack.
    quiet, attacked: How long deliveries took, of messages sent in these times.
    dropped: Times that an honest client lost its connection under attack.
    left: What the stack has of the attackers afterwards; see `stack`.
    settled_s: Seconds until all honest clients had everything; None if they never had.
    """

    plan: Plan
    kinds: Mapping[Client, str]
    history: History
    verdict: checker.Verdict
    costs: Mapping[str, Cost]
    honest: Mapping[str, Mapping[str, int]]
    quiet: Delays
    attacked: Delays
    dropped: int
    left: Mapping[str, Any]
    settled_s: float | None
    window: tuple[float, float]
    promises: Mapping[str, bool] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        held = not self.verdict.faults and not self.verdict.counts.failed
        return held and self.settled_s is not None and all(self.promises.values())


class _Stack:
    """The stack's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.url = ""

    async def begin(self) -> None:
        self.url = str((await self._line(_READY_S))["url"])

    async def ask(self, **what: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        return await self._line(_ASKED_S)

    async def _line(self, within_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), within_s)
        if not line:
            raise StackError(f"the stack has ended, with exit code {await self._process.wait()}")
        return dict(json.loads(line))


@asynccontextmanager
async def _stack(stores: str) -> AsyncIterator[_Stack]:
    process = await _module("stack", "--stores", stores)
    stack = _Stack(process)
    try:
        await stack.begin()
        yield stack
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _module(name: str, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"workbench.drills.hostile.{name}", *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=local(),
        limit=_LINE_BYTES,
    )


async def run(plan: Plan, watch: Watch = lambda progress: None) -> Result:
    """Start everything, let them talk and attack, and judge it.

    Raises:
        StackError: The stack does not start, or ends.
        ServiceError: It could not begin, or the log could not be read.
    """
    rng, kinds = random.Random(plan.seed), cast(plan.clients, plan.stock)
    async with AsyncExitStack() as open_:
        stack = await open_.enter_async_context(_stack(plan.stores))
        recorder = Recorder()
        service = await open_.enter_async_context(Service(stack.url))
        swarm = None
        if any(kind.startswith("js ") for kind in kinds.values()):
            swarm = await open_.enter_async_context(Swarm(stack.url, recorder))
        crowd = Crowd(stack.url, service, swarm, recorder, rng, watch)
        drill = _Drill(plan, stack, service, crowd, recorder, rng, watch)
        await crowd.furnish(kinds, plan.room_size, 1)
        site = await drill.prepare()
        try:
            await crowd.start(kinds)
            await drill.talk(site)
            settled_s = await crowd.settle()
            events = tuple(recorder.events)  # without the end of the clients
        finally:
            await crowd.end()
        left = await drill.left()
    history = History(crowd.members_of, crowd.log, events)
    quiet, attacked = (judging.delays(history, *window) for window in (drill.alone, drill.window))
    dropped = sum(
        isinstance(event, Disconnected) and drill.window[0] <= event.at_s <= drill.window[1]
        for event in events
    )
    costs = judging.costs(drill.told, drill.ledgers[1], drill.ledgers[2])
    in_time = f"deliveries take less than 0.1 s, or {plan.within_ratio:g} times as long as alone"
    promises = {
        in_time: judging.within(quiet, attacked, plan.within_ratio),
        "no attack is answered with a server error": not any(
            judging.is_failure(answer) for cost in costs.values() for answer in cost.answers
        ),
        **judging.kept(left),
    }
    return Result(
        plan,
        kinds,
        history,
        checker.check(history),
        costs,
        {
            "alone": judging.between(*drill.ledgers[:2]),
            "under attack": judging.between(*drill.ledgers[1:]),
        },
        quiet,
        attacked,
        dropped,
        left,
        settled_s,
        drill.window,
        promises,
    )


class _Drill:
    """
    Attributes:
        alone, window: When the honest were alone, and when they were attacked, as recorded.
        ledgers: Before these times, between them, and after them.
        told: What the attackers say.
    """

    def __init__(
        self,
        plan: Plan,
        stack: _Stack,
        service: Service,
        crowd: Crowd,
        recorder: Recorder,
        rng: random.Random,
        watch: Watch,
    ) -> None:
        self._plan = plan
        self._stack = stack
        self._service = service
        self._crowd = crowd
        self._recorder = recorder
        self._rng = rng
        self._watch = watch
        self._users: Sequence[str] = [
            user for name in plan.attacks for user in ATTACKS[name].users()
        ]
        self.alone = self.window = (0.0, 0.0)
        self.ledgers: list[dict[str, dict[str, int]]] = []
        self.told: dict[str, dict[str, Any]] = {}

    async def prepare(self) -> dict[str, Any]:
        """Give the greedy users tokens, and a room to each attack of theirs; what is attacked."""
        tokens = {user: await self._service.token(user) for user in self._users}
        rooms: dict[str, str] = {}
        for name in self._plan.attacks:
            first, *others = ATTACKS[name].users() or [""]
            if first:
                room, _ = await self._service.room(tokens[first], [Client(each) for each in others])
                rooms[first] = room
        whose = {room: user.removeprefix(USER).rpartition("-")[0] for user, room in rooms.items()}
        await self._stack.ask(ask="rooms", rooms=whose)
        return {"url": self._stack.url, "tokens": tokens, "rooms": rooms}

    async def talk(self, site: Mapping[str, Any]) -> None:
        """Let the honest talk, first alone."""
        until_s = [float("inf")]
        talk = Talk(self._recorder, self._rng, self._plan.pause_s)
        talks = [
            asyncio.create_task(
                talk.until(member, self._crowd.rooms_of(member), lambda: until_s[0])
            )
            for member in self._crowd.members
        ]
        attackers = await _module("attackers")  # their start is over before anything is measured
        await asyncio.sleep(_WARM_S)
        self.alone = await self._watched("alone", self._plan.quiet_s, asyncio.sleep(0))
        self.window = await self._watched(
            "attack", self._plan.seconds, self._attack(attackers, site)
        )
        self.ledgers.append(await self._stack.ask(ask="ledger"))
        until_s[0] = time.monotonic()
        await asyncio.gather(*talks)

    async def _watched(self, phase: str, seconds: float, work: Any) -> tuple[float, float]:
        """Do some work for at least this time; when it began and ended, as recorded."""
        self.ledgers.append(await self._stack.ask(ask="ledger"))
        begun_s, at_s = time.monotonic(), self._recorder.now_s()
        task = asyncio.ensure_future(work)
        while (now_s := time.monotonic()) - begun_s < seconds or not task.done():
            self._watch(Progress(phase, min(now_s - begun_s, seconds), seconds))
            await asyncio.sleep(0.5)
        await task
        return at_s, self._recorder.now_s()

    async def _attack(self, process: asyncio.subprocess.Process, site: Mapping[str, Any]) -> None:
        """Let the attackers begin, and wait for their end."""
        plan = self._plan
        order = {
            "site": site,
            "per_s": plan.per_s,
            "most": plan.most,
            "seconds": plan.seconds,
            "seed": plan.seed,
            "attacks": plan.attacks,
        }
        try:
            within_s = plan.seconds + 60
            told, _ = await asyncio.wait_for(
                process.communicate(json.dumps(order).encode()), within_s
            )
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise StackError(f"the attackers ended with exit code {process.returncode}")
        self.told = json.loads(told)

    async def left(self) -> dict[str, Any]:
        """What the stack has of the attackers, once their sessions have timed out."""
        until_s = time.monotonic() + _GONE_S
        while True:
            found = await self._stack.ask(ask="left", users=self._users)
            if judging.is_gone(found) or time.monotonic() > until_s:
                return found
            await asyncio.sleep(_LOOK_S)
