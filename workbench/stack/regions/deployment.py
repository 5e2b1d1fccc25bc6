"""Complete regions side by side on this machine, and what is between them.

The process that enters `Regions` holds what belongs to no region: replication, the lines between
them, the proxies that fail on request, and the control. The rest runs in each region's own
processes, see `processes`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from operate import keys
from workbench.gateway.faults import Faults, Kind, Service

from .. import logs, running
from ..children import StackError, Unusable, free_port, require_free
from ..embedded import ROOT, endpoint
from .broadcast import Carrier, carriers, topic_arn
from .chaos import Chaos
from .control import ControlServer
from .endpoint import ReplicaEndpoint
from .network import Network
from .processes import EMULATOR, PROGRAM, VALKEY, RegionProcesses
from .program import FAULTS_PATH, Config, authorization
from .proxies import AwsProxy, RedisProxy
from .replicator import Replicator

_ANOTHER = ": choose another with PORT=…"
_TAKE_IN_S = 20.0  # a region that is back waits so long at most for what it has missed
_TELL_S = 20.0
_LOCAL = (Service.GATEWAY, Service.CONNECTIONS, Service.FUNCTIONS)
_ORIGINS, _REGIONS, _TOPIC = "TIDINGS_ALLOWED_ORIGINS", "TIDINGS_REGIONS", "TIDINGS_TOPIC_ARN"
_ELSEWHERE = ("AWS_ENDPOINT_URL", "TIDINGS_REDIS_URL")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        regions: Names of AWS regions, each once.
        port: Of the first region, the others have the next ones; 0 for free ones.
        settings: What the functions see in their environment beside what the stack tells them.
        home: The folder in which the one stack that runs from there says where it is.
    """

    regions: Sequence[str]
    port: int = 8080
    prefix: str = "tidings"
    shards: int = 1
    reload: bool = False
    settings: Mapping[str, str] | None = None
    home: Path | None = None
    log_format: logs.Format = "text"
    concurrency: int = 64
    app: Path = ROOT / "app.py"


class Regions:
    """An async context: everything runs inside it, nothing is left behind after it."""

    def __init__(self, plan: Plan) -> None:
        self.names = tuple(plan.regions)
        if not self.names or len(set(self.names)) < len(self.names):
            raise Unusable("name each region once")
        self._plan = plan
        self.keys = keys.make()
        self.secret = os.environ.get("TIDINGS_JWT_SECRET") or secrets.token_hex(32)
        self.ports = {name: self._port(number) for number, name in enumerate(self.names)}
        self.processes = {name: self._processes(name) for name in self.names}
        self.network = Network(self.names)
        self.faults = {name: Faults() for name in self.names}
        self.chaos = Chaos(self, self.network, self.faults)
        self.control_token = secrets.token_urlsafe(24)
        self.control = ControlServer(
            self.control_token, self.names, self.chaos.carry_out, self.state
        )
        self._replicas = {
            name: ReplicaEndpoint(each.emulator_url, name, self.keys)
            for name, each in self.processes.items()
        }
        self.replicator = Replicator(self.network, self._replicas, is_up=self._has_dynamodb)
        self._aws: dict[str, AwsProxy] = {}
        self._redis: dict[str, RedisProxy] = {}
        self._carriers: list[Carrier] = []
        self._held = contextlib.ExitStack()

    @property
    def urls(self) -> dict[str, str]:
        """Each region's own."""
        return {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}

    async def __aenter__(self) -> Regions:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *fault: object) -> None:
        stops = (asyncio.to_thread(each.stop) for each in self.processes.values())
        await asyncio.gather(*stops)
        await self.replicator.stop()
        for carrier in self._carriers:
            await carrier.stop()
        for replica in self._replicas.values():
            await replica.close()
        for proxy in (*self._aws.values(), *self._redis.values()):
            await proxy.stop()
        await self.control.stop()
        self._held.close()

    def dead_child(self) -> str | None:
        """Why a process died that nobody has killed, None while there is none."""
        return next((why for each in self.processes.values() if (why := each.dead())), None)

    def state(self) -> dict[str, Any]:
        """For JSON: each region with what is wrong, and what replication has not brought yet."""
        return {
            "regions": {
                name: {
                    "url": self.urls[name],
                    "killed": sorted(self.processes[name].killed),
                    **self.chaos.state(name),
                }
                for name in self.names
            },
            "replication": [
                {"from": source, "to": destination, "waiting": waiting}
                for (source, destination), waiting in self.replicator.waiting().items()
            ],
        }

    async def kill(self, region: str, *processes: str) -> None:
        """See `chaos.Plant`."""
        await asyncio.to_thread(self.processes[region].kill, *processes)
        if EMULATOR in self.processes[region].killed:
            await self.replicator.forget(region)

    async def revive(self, region: str, *processes: str) -> None:
        """See `chaos.Plant`. A region whose data is gone gets it from the others first."""
        here = self.processes[region]
        dead = here.killed & set(processes or here.killed)
        if EMULATOR in dead:
            await asyncio.to_thread(here.start_emulator)
            self.replicator.take_in(region)
            await self.replicator.until_even(region, _TAKE_IN_S)
        if VALKEY in dead:
            await asyncio.to_thread(here.start_valkey)
        if PROGRAM in dead:
            await asyncio.to_thread(here.start_program, self._config(region))

    async def roll_back(self, region: str, lost_ms: float) -> None:
        """See `chaos.Plant`."""
        await asyncio.to_thread(self.processes[region].roll_back_valkey, lost_ms / 1000)

    async def tell(self, region: str) -> None:
        """See `chaos.Plant`. A program that is not there is told when it is."""
        if PROGRAM in self.processes[region].killed:
            return
        faults = {
            service.value: {"kind": fault.kind.value, "value": fault.value}
            for service, fault in self.faults[region].all().items()
            if service in _LOCAL
        }
        asked = {
            "faults": faults,
            "clock_ms": self.chaos.clocks_ms.get(region, 0.0),
            "deployed": self.chaos.deployed.get(region, 0.0),
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_TELL_S)) as session,
                session.post(
                    f"{self.urls[region]}{FAULTS_PATH}",
                    data=json.dumps(asked),
                    headers=authorization(self.control_token),
                ) as answer,
            ):
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as fault:
            raise StackError(f"the gateway of {region} does not answer: {fault}") from fault

    async def _start(self) -> None:
        for name in _ELSEWHERE:
            if os.environ.get(name):
                raise Unusable(f"{name} is set, but each of several regions has its own: unset it")
        claim = None
        if self._plan.home is not None:
            claim = self._held.enter_context(running.claim(self._plan.home))
        for name, port in self.ports.items():
            require_free(port, f"gateway of {name}", _ANOTHER)
        await self._each(RegionProcesses.start_emulator)
        await self._each(RegionProcesses.start_valkey)
        await self._start_between()
        await asyncio.gather(
            *(
                asyncio.to_thread(each.start_program, self._config(name))
                for name, each in self.processes.items()
            )
        )
        if claim is not None:
            claim.write(self._running())

    async def _start_between(self) -> None:
        """What is between regions, and between their functions and their services."""
        await self.control.start()
        emulators = {name: each.emulator_port for name, each in self.processes.items()}
        for name, each in self.processes.items():
            self._aws[name] = AwsProxy(name, emulators, self.faults, self.network)
            self._redis[name] = RedisProxy(each.valkey_port, self.faults[name])
            await self._aws[name].start()
            await self._redis[name].start()
        self.replicator.start()
        urls = {name: each.emulator_url for name, each in self.processes.items()}
        self._carriers = carriers(self.network, self.faults, self._plan.prefix, urls, self.keys)
        for carrier in self._carriers:
            carrier.start()

    async def _each(self, start: Any) -> None:
        await asyncio.gather(*(asyncio.to_thread(start, each) for each in self.processes.values()))

    def _config(self, region: str) -> Config:
        plan, settings = self._plan, {**(self._plan.settings or {})}
        pages = tuple(url for name, url in self.urls.items() if name != region)
        given = settings.get(_ORIGINS) or os.environ.get(_ORIGINS, "")
        settings[_ORIGINS] = ",".join(filter(None, (given, *pages)))
        if len(self.names) > 1:
            settings[_REGIONS] = ",".join(self.names)
            settings[_TOPIC] = topic_arn(plan.prefix, region)
        return Config(
            region=region,
            port=self.ports[region],
            prefix=plan.prefix,
            shards=plan.shards,
            aws_endpoint_url=f"http://127.0.0.1:{self._aws[region].port}",
            redis_url=f"redis://127.0.0.1:{self._redis[region].port}/0",
            access_key_id=self.keys.access_key_id,
            secret_access_key=self.keys.secret_access_key,
            jwt_secret=self.secret,
            endpoints={name: endpoint(port, plan.shards) for name, port in self.ports.items()},
            page_origins=pages,
            control_url=self.control.url,
            control_token=self.control_token,
            settings=settings,
            reload=plan.reload,
            log_format=plan.log_format,
            log_file=self._log_file(region),
            concurrency=plan.concurrency,
            app=str(plan.app),
        )

    def _log_file(self, region: str) -> str:
        home = self._plan.home
        return str(logs.file(home, region)) if home is not None else ""

    def _running(self) -> running.Running:
        """Where the regions are, for the CLI: the first one, and the others."""
        first, *others = (
            running.Running(
                pid=os.getpid(),
                url=self.urls[name],
                region=name,
                prefix=self._plan.prefix,
                aws_endpoint_url=f"http://127.0.0.1:{self._aws[name].port}",
                redis_url=f"redis://127.0.0.1:{self._redis[name].port}/0",
                access_key_id=self.keys.access_key_id,
                secret_access_key=self.keys.secret_access_key,
                control_url=self.control.url,
                control_token=self.control_token,
                log_file=self._log_file(name),
            )
            for name in self.names
        )
        return first.with_others(others)

    def _port(self, number: int) -> int:
        return self._plan.port + number if self._plan.port else free_port()

    def _processes(self, region: str) -> RegionProcesses:
        peers = [each for each in self.names if each != region]
        return RegionProcesses(region, self._plan.prefix, self.keys, peers)

    def _has_dynamodb(self, region: str) -> bool:
        fault = self.faults[region][Service.DYNAMODB]
        return fault is None or fault.kind not in (Kind.REFUSE, Kind.HANG)
