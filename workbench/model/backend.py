"""Tidings in virtual time: handlers, twins, queues and API Gateway, with latencies from a file.

Preparations (rooms, connections) run outside tasks and take no time. What a client sends is an
invocation of its own, in a free environment or in a new one.
"""

from __future__ import annotations

import functools
import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import jwt

from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.memory import MemoryMessageLog
from chalicelib.composition import compose
from chalicelib.entrypoints import queues, streams, websocket
from chalicelib.kernel.ids import BUCKETS
from chalicelib.kernel.settings import Settings
from chalicelib.model.connections import Connection
from chalicelib.model.identifiers import ConnectionId, RoomId, UserId
from chalicelib.model.log import BatchResult, Committed, Entry, Head
from chalicelib.model.rooms import Member, Role, Room, RoomType
from chalicelib.ports.adapters import Adapters
from chalicelib.services import Services
from operate.cost.usage import FUNCTIONS
from workbench import twins
from workbench.simulator.functions import Functions
from workbench.simulator.ports import ProcessClock, SeededIds
from workbench.simulator.scheduler import START_MS, Concurrency, Result, Scheduler

from .calls import CountingCache, Meter, Port
from .latencies import Latencies
from .poster import Arrival, ModelPoster
from .queues import Invoke, ModelQueue

T = TypeVar("T")
SECRET = "only-for-the-model-and-longer-than-sixty-four-bytes-as-it-has-to-be-here"
TIMEOUT_S = 29.0
SWEEP_US = 60_000_000
# JSON; JSON with several events in one frame; stock Socket.IO clients that can recover.
KINDS = ("JSON", "arrays", "stock")
_MOST_STEPS = 50_000_000
_FAR_S = START_MS // 1000 + 7 * 86_400


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client's frame was answered with, and when (us)."""

    text: str
    at_us: int


class Backend:
    """
    Attributes:
        meter: Has the invocations, each with its calls.
        arrivals: What was posted to clients, in no certain order.
    """

    def __init__(self, settings: Settings, latencies: Latencies, seed: int) -> None:
        self.scheduler = Scheduler(seed)
        self.meter = Meter(self.scheduler, latencies)
        self.arrivals: list[Arrival] = []
        self.settings = replace(settings, jwt_secret=SECRET)
        self._seed = seed
        self._chance = random.Random(f"{seed}/starts")
        self._frames = itertools.count()
        clock, ids = ProcessClock(self.scheduler), SeededIds(f"{seed}/preparations")
        self.twins = twins.ports(clock, ids, SECRET)
        self.twins["cache"] = CountingCache(ids, clock, self.scheduler)
        self._is_begun = False
        if settings.outbox:
            self.twins["log"] = _StreamedLog(self._report)
        self.queues = {
            name: ModelQueue(name, name.startswith("delivery"), self.meter) for name in twins.QUEUES
        }
        self.functions = Functions(self.scheduler, self._compose, start_us=self._start_us)
        self._preparing = self._composed(clock, ids, _InTurn(), self.twins, self._poster())
        self._vouch()

    # -- preparations

    def room(self, room_id: RoomId, count: int, clients: str, real: int = 2) -> list[ConnectionId]:
        """A room whose members are all connected; their connections, the owner's first.

        Args:
            clients: One of `KINDS`.
            real: So many connect by their handshakes; the others become what these became.
        """
        users = [UserId(f"{room_id}-{number}") for number in range(count)]
        roles = itertools.chain([Role.OWNER], itertools.repeat(Role.MEMBER))
        room = Room(room_id, RoomType.GROUP_CHAT, users[0], START_MS)
        pairs = zip(users, roles, strict=False)
        members = [Member(room_id, user, role, START_MS) for user, role in pairs]
        self.twins["rooms"].create(room, members)
        for user in users[:real]:
            self._connect(user, clients)
            self._drain()
        like = self.twins["connections"].get(_name(users[0]))
        for user in users[real:]:
            self._become(user, like)
        return [_name(user) for user in users]

    def begin(self) -> None:
        """From now on, the queues' functions run, and all takes its time."""
        self._sweep()
        triggers = (
            ("deliver", queues.deliver, "delivery"),
            ("outbound", queues.outbound, "outbound"),
        )
        for function, handler, queue in triggers:
            self.queues[queue].invoke = self._trigger(function, handler)
        self._is_begun = True

    def _sweep(self) -> None:
        """Redis knows who is connected, as long as the sweep says so each minute."""
        self._vouch()
        self.scheduler.after(SWEEP_US, "sweep", self._sweep)

    def _vouch(self) -> None:
        cache = self.twins["cache"]
        for bucket in range(BUCKETS):
            cache.vouch(bucket, cache.begin(bucket))

    def _connect(self, user: UserId, clients: str) -> None:
        if clients != "stock":
            arrays = "true" if clients == "arrays" else "false"
            self._open(user, {"token": _token(user), "arrays": arrays})
            return
        self._open(user, {"EIO": "4", "transport": "websocket"})
        self._drain()
        packet = "40" + json.dumps({"token": _token(user), "recovery": True})
        websocket.message(self._preparing, self._event(_name(user), "MESSAGE", packet))

    def _open(self, user: UserId, query: Mapping[str, str]) -> None:
        event = self._event(_name(user), "CONNECT", "")
        event |= {"headers": {}, "queryStringParameters": dict(query)}
        answer = websocket.connect(self._preparing, event)
        if answer["statusCode"] != 200:
            raise RuntimeError(answer)

    def _become(self, user: UserId, like: Connection) -> None:
        """Connect a user as the model connection was, without its handshake."""
        sid = f"{like.target.sid}-{user}" if like.target.sid else ""
        target = replace(like.target, connection_id=_name(user), user_id=user, sid=sid)
        connection = replace(like, target=target)
        self.twins["connections"].put(connection)
        self.twins["cache"].register(connection)
        if sid:
            trails = self.twins["trails"]
            trail = trails.hold(like.target.sid)
            trails.release(like.target.sid)
            own = replace(trail, target=target, pid=sid, in_doubt=False)
            trails.start(sid, own, trails.sent([like.target.sid])[like.target.sid].seen)

    def _drain(self) -> None:
        handlers = {"delivery": queues.deliver, "outbound": queues.outbound}
        while events := [
            (handler, event)
            for name, handler in handlers.items()
            if (event := self.queues[name].take()) is not None
        ]:
            for handler, event in events:
                if handler(self._preparing, event)["batchItemFailures"]:
                    raise RuntimeError(f"a preparation failed: {event}")
        self.arrivals.clear()

    # -- while time passes

    def send(self, at_us: int, connection_id: ConnectionId, text: str) -> Result[Answer]:
        """A client's frame that reaches API Gateway at this time; its answer as it leaves it."""
        answered: Result[Answer] = Result()
        event = functools.partial(self._event, connection_id, "MESSAGE", text)
        name = f"frame {next(self._frames)}"

        def arrive() -> None:
            handle = functools.partial(_message, event())
            result = self.run("websocket_message", name, handle)
            result.then(lambda: self._answer(result, answered))

        in_us = self.meter.chance_us("frame_in")
        self.scheduler.at(at_us + in_us, name, arrive)
        return answered

    def run(self, function: str, name: str, handler: Callable[[Services], T]) -> Result[T]:
        """Invoke a function."""
        memory_mb, _ = FUNCTIONS[function]

        def metered(services: Services) -> T:
            with self.meter.invocation(function, memory_mb):
                return handler(services)

        return self.functions.invoke(function, name, metered, TIMEOUT_S)

    def finish(self, at_us: int) -> None:
        """Let time pass until then, and end the run."""
        self.scheduler.run(at_us, _MOST_STEPS)
        self.scheduler.close()

    def _answer(self, result: Result[dict[str, Any]], answered: Result[Answer]) -> None:
        out_us = self.meter.chance_us("answer_out")
        answered.give(Answer(str(result.value()["body"]), self.scheduler.now_us + out_us))

    def _trigger(
        self, function: str, handler: Callable[[Services, dict[str, Any]], dict[str, Any]]
    ) -> Invoke:
        def invoke(name: str, event: dict[str, Any]) -> Result[dict[str, Any]]:
            return self.run(function, name, lambda services: handler(services, event))

        return invoke

    def _report(self, entries: Sequence[Entry]) -> None:
        """Let the stream of the log's table call its function. Each write is a batch of its own."""
        if not self._is_begun:
            return
        event = {"Records": [{"arrival": entry} for entry in entries]}
        name = f"stream {entries[0].message_id}"

        def call() -> None:
            self.run("replicated", name, lambda services: streams.replicated(services, event))

        self.scheduler.after(self.meter.chance_us("stream"), name, call)

    def _start_us(self, is_new: bool) -> int:
        """Whether a start is cold is drawn: a service in use has enough environments."""
        is_cold = self._chance.random() < self.meter.latencies.cold_share
        return self.meter.chance_us("cold_start") if is_cold else 0

    # -- composition

    def _compose(self, name: str) -> Services:
        """The services of a new environment."""
        ports: dict[str, Any] = {
            each: twin if each in twins.LOCAL else Port(self.meter, each, twin)
            for each, twin in self.twins.items()
        }
        clock, ids = ProcessClock(self.scheduler), SeededIds(f"{self._seed}/{name}")
        return self._composed(clock, ids, Concurrency(self.scheduler), ports, self._poster())

    def _composed(
        self, clock: Any, ids: Any, parallel: Any, ports: Mapping[str, Any], poster: ModelPoster
    ) -> Services:
        own = {"clock": clock, "ids": ids, "parallel": parallel, **self.queues}
        engine = EnginePoster(poster, ports["sessions"])
        return compose(self.settings, Adapters(**{**ports, **own, "poster": engine}))

    def _poster(self) -> ModelPoster:
        return ModelPoster(self.meter, self.settings.post_concurrency, self.arrivals)

    def _event(self, connection_id: ConnectionId, kind: str, body: str) -> dict[str, Any]:
        now_ms = self.scheduler.now_ms
        context = {
            "connectionId": connection_id,
            "requestId": "model",
            "apiId": "model",
            "stage": "prod",
            "connectedAt": START_MS,
            "requestTimeEpoch": now_ms,
            "eventType": kind,
            "identity": {},
        }
        return {"requestContext": context, "body": body}


class _StreamedLog(MemoryMessageLog):
    """A log whose table has a stream.

    Args:
        report: Takes what was committed.
    """

    def __init__(self, report: Callable[[Sequence[Entry]], None]) -> None:
        super().__init__()
        self._report = report

    def commit_all(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> BatchResult:
        result = super().commit_all(entries, previous, now_ms)
        if isinstance(result, Committed):
            self._report([entry for entry, _ in entries])
        return result


class _InTurn:
    """Runs calls one after the other: see `ports.system.Parallel`."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        return [call() for call in calls]


def _message(event: dict[str, Any], services: Services) -> dict[str, Any]:
    return websocket.message(services, event)


def _name(user: UserId) -> ConnectionId:
    return ConnectionId(f"{user}=")


def _token(user: UserId) -> str:
    return jwt.encode({"sub": user, "exp": _FAR_S}, SECRET, algorithm="HS256")
