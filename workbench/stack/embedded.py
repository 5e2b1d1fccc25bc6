"""The whole of Tidings on one machine: gateway, functions, AWS APIs, Redis, pumps, schedules."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chalicelib import wiring
from chalicelib.adapters import aws, sdk
from chalicelib.kernel.settings import ANY_ORIGIN, Settings
from operate import triggers
from operate.keys import Keys
from operate.surroundings import local
from workbench.gateway import Gateway, HttpApi, Invoker, Limits, WebSocketApi

from . import logs, resources, running
from .children import Child, not_listening, require_free
from .data import Data
from .dev import guarded, no_chaos
from .functions import InProcessFunctions
from .given import Given
from .memory import MemoryStores
from .nudging import Nudging
from .page import demo_page
from .pumps import QueuePump, Schedule
from .records import scheduled_event
from .regions import filters
from .regions.stream_pumps import StreamPumps
from .rollout import Rollout
from .sqs import Queues
from .stats import DevStats, MessageRate
from .stores import Emulators, Stores
from .tokens import DevTokens

ROOT = running.ROOT
QUEUE_CONCURRENCY = 10  # batches of one queue at once
_ANOTHER = ": choose another with PORT=…"


class EmbeddedStack:
    """An async context: everything runs inside it, nothing is left behind after it.

    `app` is the module whose functions run, `apis` are WebSocket APIs in place of the product's,
    `environment` is what the functions see beside what the stack tells them, `concurrency` how many
    invocations run at once: each poll that waits is one. Half of them are the HTTP function's;
    those of the queues come on top. `home` is the folder in which the one stack that runs from
    there says where it is, `persist` keeps its data there. `given` services, else those of
    `AWS_ENDPOINT_URL` and `TIDINGS_REDIS_URL` when set, are used instead of children; with
    `in_memory` there are none of these. `around` puts an invoker of one's own before the functions.
    """

    def __init__(
        self,
        *,
        port: int = 8080,
        region: str = "us-east-1",
        prefix: str = "tidings",
        reload: bool = False,
        limits: Limits | None = None,
        home: Path | None = None,
        persist: bool = False,
        shards: int = 1,
        app: Path = ROOT / "app.py",
        apis: Sequence[WebSocketApi] = (),
        environment: Mapping[str, str] | None = None,
        concurrency: int = 64,
        given: Given | None = None,
        in_memory: bool = False,
        around: Callable[[Invoker], Invoker] = lambda functions: functions,
    ) -> None:
        self.port = port
        self.region = region
        self.prefix = prefix
        self.shards = shards
        self.data = Data(home / "data") if home is not None and persist else None
        self.stores: Stores = (
            MemoryStores(region, prefix)
            if in_memory
            else Emulators(region, prefix, given, self.data)
        )
        self.in_memory = in_memory
        self._reload = reload
        self._limits = limits
        self._home = home
        self._claim: running.Claim | None = None
        self._held = contextlib.ExitStack()
        self._own_apis = apis
        self._settings = dict(environment or {})
        self._given = given
        self._environment: dict[str, str | None] = {}
        self._pumps: list[QueuePump] = []
        self._schedules: list[Schedule] = []
        self._streams: StreamPumps | None = None
        self._watcher: asyncio.Task[None] | None = None
        # Polls wait in executions of the HTTP function, so these are not all there are.
        self._http_concurrency = concurrency - concurrency // 2
        self.functions = InProcessFunctions(app, concurrency // 2)
        self.functions.reserve(triggers.HTTP_FUNCTION, self._http_concurrency)
        self.gateway: Gateway | None = None
        self._rollout = Rollout(self.functions, ROOT / "app.py")
        self._rate = MessageRate()
        self._faults = given.faults if given else None
        self._nudging = Nudging(around(self.functions), self._pumps, self._rate, self._faults)
        self._sqs: Queues | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def aws_endpoint_url(self) -> str:
        return self.stores.aws_endpoint_url

    @property
    def redis_url(self) -> str:
        return self.stores.redis_url

    @property
    def keys(self) -> Keys:
        return self.stores.keys

    @property
    def secret(self) -> str:
        return self.stores.secret

    @property
    def children(self) -> dict[str, Child]:
        return self.stores.children

    @property
    def queue_urls(self) -> dict[str, str]:
        return self.stores.queue_urls

    async def __aenter__(self) -> EmbeddedStack:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *fault: object) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        if self.gateway is not None:
            await self.gateway.stop()
        for schedule in self._schedules:
            await schedule.stop()
        if self._streams is not None:
            await self._streams.stop()
        await asyncio.gather(*(pump.stop() for pump in self._pumps))
        if self._sqs is not None:
            await self._sqs.close()
        self.functions.close()
        if wiring.services.cache_info().currsize:
            await asyncio.to_thread(wiring.services().adapters.cluster.close)
            wiring.services.cache_clear()
        aws.forget()
        sdk.forget()
        self._restore_environment()
        try:
            self.stores.stop()
        finally:
            self._held.close()

    def deploy(self, share: float) -> None:
        """See `Rollout.reach`."""
        self._rollout.reach(share)

    @property
    def _has_peers(self) -> bool:
        return self._given is not None and self._given.has_peers

    def dead_child(self) -> str | None:
        """Why a child died, None while all live."""
        return next((why for child in self.children.values() if (why := child.dead())), None)

    async def _start(self) -> None:
        if self._home is not None:
            self._claim = self._held.enter_context(running.claim(self._home))
        require_free(self.port, "gateway", _ANOTHER)  # before the children, which take long
        await self.stores.start()
        self._held.enter_context(self.stores.wired())
        definition = resources.of_regions(resources.load(), self._has_peers)
        await self.stores.create(definition)
        self._prepare_environment()
        # The services of an earlier stack in this process belong to its environment.
        wiring.services.cache_clear()
        aws.forget()
        sdk.forget()
        settings = Settings.from_env()
        origins = set(settings.allowed_origins) - {ANY_ORIGIN}
        self.gateway = Gateway(
            self._nudging,
            self._apis(),
            HttpApi(routes=self.functions.http_routes()),
            region=self.region,
            limits=self._limits,
            credentials={self.keys.access_key_id: self.keys.secret_access_key},
            static=demo_page(self._given.page_origins if self._given else ()),
            local_routes=guarded(
                {
                    ("POST", "/dev/token"): DevTokens(self.secret, settings),
                    ("GET", "/dev/stats"): self._stats(),
                    ("POST", "/dev/chaos"): no_chaos,
                    **(self._given.routes if self._given else {}),
                },
                origins,
            ),
            faults=self._faults,
        )
        try:
            self.port = await self.gateway.start(port=self.port)
        except OSError as fault:
            self.gateway = None
            raise not_listening("gateway", self.port, fault, _ANOTHER) from fault
        self._set_environment(
            {
                "TIDINGS_CONNECTIONS_URL": self.url,
                "TIDINGS_WEBSOCKET_APIS": ",".join(f"{a.api_id}/{a.stage}" for a in self._apis()),
                "TIDINGS_SHARDS": str(self.shards),
                "TIDINGS_ENDPOINTS": json.dumps(self._endpoints()),
            }
        )
        await self._start_triggers(definition)
        if self._reload:
            self._watcher = asyncio.create_task(self.functions.watch())
        if self._claim is not None:
            self._claim.write(self._running())

    def _apis(self) -> list[WebSocketApi]:
        """One WebSocket API at /ws, or one a shard at /ws-0 and on, the first at /ws too."""
        if self._own_apis:
            return list(self._own_apis)
        if self.shards == 1:
            return [WebSocketApi()]
        numbers = range(self.shards)
        paths = ["/ws", *(f"/ws-{n}" for n in numbers[1:])]
        return [WebSocketApi(f"local{n}", f"ws-{n}", paths[n]) for n in numbers]

    def _endpoints(self) -> dict[str, Mapping[str, str]]:
        if self._given is not None:
            return dict(self._given.endpoints)
        return {self.region: endpoint(self.port, self.shards)}

    def _prepare_environment(self) -> None:
        """Show the functions nothing of the developer's but what the stack tells them."""
        own = local()
        self._set_environment({name: None for name in os.environ if name not in own})
        self._set_environment(
            {
                **own,
                **self.keys.variables(),
                "AWS_ENDPOINT_URL": self.aws_endpoint_url,
                "AWS_REGION": self.region,
                "AWS_DEFAULT_REGION": self.region,
                "TIDINGS_CONNECTIONS_URL": self.url,
                "TIDINGS_PREFIX": self.prefix,
                "TIDINGS_REDIS_URL": self.redis_url,
                "TIDINGS_JWT_SECRET": self.secret,
                "TIDINGS_POLL_SLOTS": str(self._http_concurrency),
                "TIDINGS_OUTBOX": "1",
                **self._settings,
            }
        )

    async def _start_triggers(self, definition: dict[str, Any]) -> None:
        called = await asyncio.to_thread(triggers.load, ROOT / "app.py")
        for trigger in called.queues:
            if trigger.queue not in definition["queues"]:
                continue  # only several regions have it
            self.functions.reserve(trigger.function, QUEUE_CONCURRENCY)
            queue = definition["queues"][trigger.queue]
            self._pumps.append(
                QueuePump(
                    self.stores.queues(),
                    self.queue_urls[trigger.queue],
                    fifo=queue["fifo"],
                    function=trigger.function,
                    invoker=self._nudging,
                    batch_size=trigger.batch_size,
                    visibility_s=queue["visibility_timeout_s"],
                    region=self.region,
                    concurrency=QUEUE_CONCURRENCY,
                )
            )
        for schedule in called.schedules:
            self._schedules.append(
                Schedule(
                    schedule.function,
                    function=schedule.function,
                    every_s=schedule.every_s,
                    invoker=self._nudging,
                    region=self.region,
                )
            )
        for pump in self._pumps:
            await pump.start()
        self._streams = self._stream_pumps(*called.streams)
        await self._streams.start()
        for each in self._schedules:
            await each.start()
        # The first sweep tells Redis that it knows all connections: there are none yet.
        await self.functions.invoke("sweep", scheduled_event("sweep", self.region), 60.0)

    def _stream_pumps(self, trigger: triggers.StreamTrigger) -> StreamPumps:
        pumps = StreamPumps(
            self.stores.streams(),
            self.prefix,
            filters.patterns(self.region, several=self._has_peers),
            function=trigger.function,
            invoker=self._nudging,
            batch_size=trigger.batch_size,
        )
        self.functions.reserve(trigger.function, len(pumps))
        return pumps

    def _stats(self) -> DevStats:
        self._sqs = self.stores.queues()
        return DevStats(
            self._sqs,
            lambda: len(self.gateway.connections) if self.gateway else 0,
            self._rate,
            self.queue_urls,
        )

    def _running(self) -> running.Running:
        """Where this stack is, for the CLI."""
        return running.Running(
            pid=os.getpid(),
            url=self.url,
            region=self.region,
            prefix=self.prefix,
            aws_endpoint_url="" if self.in_memory else self.aws_endpoint_url,
            redis_url=self.redis_url,
            access_key_id=self.keys.access_key_id,
            secret_access_key=self.keys.secret_access_key,
            log_file=str(logs.file(self._home, self.region)) if self._home else "",
        )

    def _set_environment(self, values: Mapping[str, str | None]) -> None:
        """None unsets."""
        for name, value in values.items():
            self._environment.setdefault(name, os.environ.get(name))
            _set(name, value)

    def _restore_environment(self) -> None:
        for name, value in self._environment.items():
            _set(name, value)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def endpoint(port: int, shards: int) -> dict[str, str]:
    """A region's entry in `TIDINGS_ENDPOINTS`."""
    shard = "ws" if shards == 1 else "{shard}"
    return {
        "websocket": f"ws://127.0.0.1:{port}/{shard}",
        "health": f"http://127.0.0.1:{port}/v1/health",
    }
