"""One of several regions' gateway and functions: `python -m workbench.stack.regions.program`.

Its services run already, see `processes`. It runs until SIGTERM.
"""

from __future__ import annotations

import asyncio
import functools
import hmac
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

from operate.keys import Keys
from workbench.gateway.faults import Fault, Faults, Kind, Service
from workbench.gateway.wire import Reply

from .. import logs
from ..children import StackError
from ..embedded import ROOT, EmbeddedStack
from ..given import Given, Routes

CONFIG = "TIDINGS_REGION_PROGRAM"  # the environment variable, a JSON object
FAULTS_PATH, READY_PATH = "/dev/chaos/here", "/dev/ready"
_PATIENCE_S = 120.0  # a killed region starts while its healing is waited for


@dataclass(frozen=True, slots=True)
class Config:
    """What it is told.

    Attributes:
        control_url: Where orders to `/dev/chaos` go.
        control_token: Authorises them, and the faults that come from there.
        app: Path of the app.py whose functions run.
    """

    region: str
    port: int
    prefix: str
    shards: int
    aws_endpoint_url: str
    redis_url: str
    access_key_id: str
    secret_access_key: str
    jwt_secret: str
    endpoints: Mapping[str, Mapping[str, str]]
    page_origins: tuple[str, ...]
    control_url: str
    control_token: str
    settings: Mapping[str, str]
    reload: bool = False
    log_format: logs.Format = "text"
    log_file: str = ""
    concurrency: int = 64
    app: str = str(ROOT / "app.py")

    def variables(self) -> dict[str, str]:
        return {CONFIG: json.dumps(asdict(self))}


class Clock:
    """The functions' clock, which can be wrong. The product reads it in one place only."""

    def __init__(self) -> None:
        self.offset_ms = 0.0
        self._real_ns = time.time_ns

    def install(self) -> None:
        time.time_ns = self._now_ns

    def _now_ns(self) -> int:
        return self._real_ns() + int(self.offset_ms * 1_000_000)


class Control:
    """The routes under /dev/ that belong to several regions.

    Attributes:
        stack: Once all of it has started.
    """

    def __init__(self, config: Config, faults: Faults, clock: Clock) -> None:
        self._config = config
        self._faults = faults
        self._clock = clock
        self.stack: EmbeddedStack | None = None
        self.routes: Routes = {
            ("GET", READY_PATH): self._ready,
            ("POST", "/dev/chaos"): functools.partial(self._forward, "POST"),
            ("GET", "/dev/chaos"): functools.partial(self._forward, "GET"),
            ("POST", FAULTS_PATH): self._take,
        }

    async def _forward(self, method: str, body: bytes, headers: dict[str, str]) -> Reply:
        """Pass an order on to who can carry it out for any region."""
        config = self._config
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_PATIENCE_S)) as session,
                session.request(
                    method,
                    f"{config.control_url}/chaos",
                    params={"region": config.region},
                    data=body,
                    headers=authorization(config.control_token),
                ) as answer,
            ):
                return answer.status, {"content-type": "application/json"}, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as fault:
            return _reply(503, {"error": {"code": "unavailable", "message": str(fault)}})

    async def _ready(self, body: bytes, headers: dict[str, str]) -> Reply:
        if self.stack is None:
            return _reply(503, {})
        return _reply(200, {"served": self.stack.functions.served})

    async def _take(self, body: bytes, headers: dict[str, str]) -> Reply:
        """Have exactly these faults."""
        if not is_authorized(headers, self._config.control_token):
            return _reply(403, {"error": {"code": "permission_denied", "message": "no"}})
        asked = json.loads(body)
        self._clock.offset_ms = float(asked["clock_ms"])
        if self.stack is not None:
            await asyncio.to_thread(self.stack.deploy, float(asked["deployed"]))
        self._faults.replace(
            {
                Service(name): Fault(Kind(fault["kind"]), float(fault["value"]))
                for name, fault in asked["faults"].items()
            }
        )
        return _reply(200, {})


def authorization(token: str) -> dict[str, str]:
    """The header that `is_authorized` asks for."""
    return {"Authorization": f"Bearer {token}"}


def is_authorized(headers: Mapping[str, str], token: str) -> bool:
    given = headers.get("authorization", "").encode()
    return hmac.compare_digest(given, authorization(token)["Authorization"].encode())


def main() -> int:
    """Run; the exit code."""
    config = Config(**json.loads(os.environ.pop(CONFIG)))
    keep = Path(config.log_file) if config.log_file else None
    logs.configure(config.log_format, region=config.region, keep=keep)
    try:
        asyncio.run(_run(config))
    except StackError as fault:
        print(f"{config.region}: {fault}", file=sys.stderr)
        return fault.exit_code
    return 0


async def _run(config: Config) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock, faults = Clock(), Faults()
    clock.install()
    control = Control(config, faults, clock)
    given = Given(
        aws_endpoint_url=config.aws_endpoint_url,
        redis_url=config.redis_url,
        keys=Keys(config.access_key_id, config.secret_access_key),
        secret=config.jwt_secret,
        endpoints=config.endpoints,
        faults=faults,
        routes=control.routes,
        page_origins=tuple(config.page_origins),
    )
    stack = EmbeddedStack(
        port=config.port,
        region=config.region,
        prefix=config.prefix,
        reload=config.reload,
        shards=config.shards,
        app=Path(config.app),
        environment=config.settings,
        concurrency=config.concurrency,
        given=given,
    )
    async with stack:
        control.stack = stack
        await stop.wait()


def _reply(status: int, body: object) -> Reply:
    return status, {"content-type": "application/json"}, json.dumps(body).encode()


if __name__ == "__main__":
    sys.exit(main())
