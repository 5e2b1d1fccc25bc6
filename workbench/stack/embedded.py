"""The whole of Tidings on one machine: gateway, functions, AWS APIs, Redis, pumps, schedules."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chalicelib import wiring
from operate import triggers
from workbench.gateway import Gateway, HttpApi, Limits, WebSocketApi

from . import resources
from .children import (
    Child,
    StackError,
    free_port,
    not_listening,
    require_free,
    start_ministack,
    start_valkey,
)
from .functions import InProcessFunctions
from .page import demo_page
from .pumps import QueuePump, Schedule
from .records import scheduled_event
from .sqs import SqsClient
from .stats import DevStats, MessageRate
from .tokens import DevTokens

ROOT = Path(__file__).resolve().parents[2]
STATE = ".tidings/stack.json"
_ANOTHER = ": choose another with PORT=…"


class EmbeddedStack:
    """An async context: everything runs inside it, nothing is left behind after it.

    `app` is the module whose functions run, `apis` are WebSocket APIs in place of the product's,
    `environment` is what the functions see beside what the stack tells them, `concurrency` how
    many invocations run at once: each poll that waits is one.

    `AWS_ENDPOINT_URL` and `TIDINGS_REDIS_URL`, when set, are used instead of children.
    """

    def __init__(
        self,
        *,
        port: int = 8080,
        region: str = "us-east-1",
        prefix: str = "tidings",
        reload: bool = False,
        limits: Limits | None = None,
        remember: bool = False,
        shards: int = 1,
        app: Path = ROOT / "app.py",
        apis: Sequence[WebSocketApi] = (),
        environment: Mapping[str, str] | None = None,
        concurrency: int = 64,
    ) -> None:
        self.port = port
        self.region = region
        self.prefix = prefix
        self.shards = shards
        self.aws_endpoint_url = ""
        self.redis_url = ""
        self.queue_urls: dict[str, str] = {}
        self.secret = os.environ.get("TIDINGS_JWT_SECRET") or secrets.token_hex(32)
        self.children: dict[str, Child] = {}
        self._reload = reload
        self._limits = limits
        self._remember = remember
        self._remembered = False
        self._own_apis = apis
        self._given = dict(environment or {})
        self._environment: dict[str, str | None] = {}
        self._pumps: list[QueuePump] = []
        self._schedules: list[Schedule] = []
        self._watcher: asyncio.Task[None] | None = None
        self.functions = InProcessFunctions(app, concurrency)
        self.gateway: Gateway | None = None
        self._rate = MessageRate()
        self._nudging = _Nudging(self.functions, self._pumps, self._rate)
        self._sqs: SqsClient | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

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
        await asyncio.gather(*(pump.stop() for pump in self._pumps))
        if self._sqs is not None:
            await self._sqs.close()
        self.functions.close()
        if wiring.services.cache_info().currsize:
            await asyncio.to_thread(wiring.services().adapters.cluster.close)
            wiring.services.cache_clear()
        for child in reversed(self.children.values()):
            child.stop()
        if self._remembered:
            (ROOT / STATE).unlink(missing_ok=True)
        self._restore_environment()

    def dead_child(self) -> str | None:
        """Why a child died, None while all live."""
        return next((why for child in self.children.values() if (why := child.dead())), None)

    async def _start(self) -> None:
        require_free(self.port, "gateway", _ANOTHER)  # before the children, which take long
        await self._start_children()
        definition = resources.load()
        self.queue_urls = await asyncio.to_thread(
            resources.create, definition, self.prefix, self.aws_endpoint_url, self.region
        )
        self._set_environment({"TIDINGS_CONNECTIONS_URL": self.url})
        # The services of an earlier stack in this process belong to its environment.
        wiring.services.cache_clear()
        self.gateway = Gateway(
            self._nudging,
            self._apis(),
            HttpApi(routes=self.functions.http_routes()),
            region=self.region,
            limits=self._limits,
            credentials={os.environ["AWS_ACCESS_KEY_ID"]: os.environ["AWS_SECRET_ACCESS_KEY"]},
            static=demo_page(),
            local_routes={
                ("POST", "/dev/token"): DevTokens(self.secret),
                ("GET", "/dev/stats"): self._stats(),
            },
        )
        try:
            self.port = await self.gateway.start(port=self.port)
        except OSError as fault:
            self.gateway = None
            raise not_listening("gateway", self.port, fault, _ANOTHER) from fault
        self._set_environment(
            {
                "TIDINGS_CONNECTIONS_URL": self.url,
                "TIDINGS_SHARDS": str(self.shards),
                "TIDINGS_ENDPOINTS": json.dumps({self.region: self._endpoint()}),
            }
        )
        await self._start_triggers(definition)
        if self._reload:
            self._watcher = asyncio.create_task(self.functions.watch())
        if self._remember:
            self._write_state()

    def _apis(self) -> list[WebSocketApi]:
        """One WebSocket API at /ws, or one a shard at /ws-0 and on, the first at /ws too."""
        if self._own_apis:
            return list(self._own_apis)
        if self.shards == 1:
            return [WebSocketApi()]
        numbers = range(self.shards)
        paths = ["/ws", *(f"/ws-{n}" for n in numbers[1:])]
        return [WebSocketApi(f"local{n}", f"ws-{n}", paths[n]) for n in numbers]

    def _endpoint(self) -> dict[str, str]:
        shard = "ws" if self.shards == 1 else "{shard}"
        return {
            "websocket": f"ws://127.0.0.1:{self.port}/{shard}",
            "health": f"{self.url}/v1/health",
        }

    async def _start_children(self) -> None:
        self.aws_endpoint_url = os.environ.get("AWS_ENDPOINT_URL", "")
        self.redis_url = os.environ.get("TIDINGS_REDIS_URL", "")
        if not self.aws_endpoint_url:
            port = free_port()
            child = await asyncio.to_thread(start_ministack, port, self.region)
            self.children["ministack"] = child
            self.aws_endpoint_url = f"http://127.0.0.1:{port}"
        if not self.redis_url:
            port = free_port()
            self.children["valkey"] = await asyncio.to_thread(start_valkey, port)
            self.redis_url = f"redis://127.0.0.1:{port}/0"
        self._set_environment(
            {
                "AWS_ENDPOINT_URL": self.aws_endpoint_url,
                "AWS_REGION": self.region,
                "AWS_DEFAULT_REGION": self.region,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "TIDINGS_PREFIX": self.prefix,
                "TIDINGS_REDIS_URL": self.redis_url,
                "TIDINGS_JWT_SECRET": self.secret,
                **self._given,
            }
        )

    async def _start_triggers(self, definition: dict[str, Any]) -> None:
        called = await asyncio.to_thread(triggers.load, ROOT / "app.py")
        for trigger in called.queues:
            queue = definition["queues"][trigger.queue]
            self._pumps.append(
                QueuePump(
                    self.aws_endpoint_url,
                    self.queue_urls[trigger.queue],
                    fifo=queue["fifo"],
                    function=trigger.function,
                    invoker=self._nudging,
                    batch_size=trigger.batch_size,
                    visibility_s=queue["visibility_timeout_s"],
                    region=self.region,
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
        for each in self._schedules:
            await each.start()
        # The first sweep tells Redis that it knows all connections: there are none yet.
        await self.functions.invoke("sweep", scheduled_event("sweep", self.region), 60.0)

    def _stats(self) -> DevStats:
        self._sqs = SqsClient(self.aws_endpoint_url, self.region)
        return DevStats(
            self._sqs,
            lambda: len(self.gateway.connections) if self.gateway else 0,
            self._rate,
            self.queue_urls,
        )

    def _write_state(self) -> None:
        """Where the running stack is, for the CLI."""
        path = ROOT / STATE
        state = {
            "aws_endpoint_url": self.aws_endpoint_url,
            "redis_url": self.redis_url,
            "url": self.url,
            "region": self.region,
            "prefix": self.prefix,
        }
        try:
            path.parent.mkdir(exist_ok=True)
            partial = path.with_suffix(".part")  # a full disk must not leave half a state
            partial.write_text(json.dumps(state))
            partial.replace(path)
        except OSError as fault:
            raise StackError(
                f"cannot write {path}: {fault.strerror}; run in a checkout that you may write to"
            ) from fault
        self._remembered = True

    def _set_environment(self, values: dict[str, str]) -> None:
        for name, value in values.items():
            self._environment.setdefault(name, os.environ.get(name))
            os.environ[name] = value

    def _restore_environment(self) -> None:
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Nudging:
    """An invoker after whose invocations the pumps look at once: they may have sent something."""

    def __init__(
        self, functions: InProcessFunctions, pumps: list[QueuePump], rate: MessageRate
    ) -> None:
        self._functions = functions
        self._pumps = pumps
        self._rate = rate

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        """See `workbench.gateway.Invoker`."""
        self._rate.note(function, event)
        try:
            return await self._functions.invoke(function, event, timeout_s)
        finally:
            for pump in self._pumps:
                pump.nudge()
