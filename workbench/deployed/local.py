"""Emulators, Valkey and a gateway on this machine, to deploy into.

Empty at first; `tidings deploy` deploys Tidings there. Everything ends with the context.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from operate import triggers
from operate.deploy.errors import DeployError
from operate.deploy.targets import NAME, Emulated, Name, Target, emulated
from workbench.gateway import Limits
from workbench.lambdas.python import lambda_python
from workbench.stack.children import (
    Child,
    StackError,
    free_port,
    require_free,
    start_lambda,
    start_ministack,
    start_valkey,
)
from workbench.stack.embedded import ROOT
from workbench.stack.localstack import start_localstack

from .discovery import Deployment
from .gateway import EMULATOR_CREDENTIALS, OTHER_PORT, DeployedGateway

START_S = 600  # LocalStack may have to be installed


class LocalCloud:
    """An async context that runs the servers.

    Args:
        emulator: ministack or localstack.
        gateway_port: 0 for a free one.
        beside_port: Port of the ministack beside LocalStack, for the APIs that LocalStack lacks.
        told: Called with each deployment that the gateway finds.
        tell: Called with each step that may take long.

    Attributes:
        target: The target for `deploy`, once the context is entered.
        children: Its servers by name.
    """

    def __init__(
        self,
        emulator: Name = "ministack",
        *,
        aws_port: int = 4566,
        beside_port: int = 4567,
        gateway_port: int = 8080,
        redis_port: int = 6379,
        region: str = "us-east-1",
        limits: Limits | None = None,
        told: Callable[[Deployment], None] = lambda deployment: None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.emulator = emulator
        self.children: dict[str, Child] = {}
        at = Emulated(
            aws_url=f"http://127.0.0.1:{aws_port}",
            beside_url=f"http://127.0.0.1:{beside_port}" if emulator == "localstack" else "",
            gateway_url=f"http://127.0.0.1:{gateway_port}",
            redis_url=f"redis://127.0.0.1:{redis_port}/0",
        )
        try:
            self.target: Target = emulated(emulator, region, at)
        except DeployError as fault:
            raise StackError(str(fault)) from fault
        self._at = at
        self._region = region
        self._ports = aws_port, beside_port, gateway_port, redis_port
        self._limits = limits
        self._told = told
        self._tell = tell
        self._scratch = tempfile.TemporaryDirectory(prefix="tidings-cloud-")
        self._gateway: DeployedGateway | None = None

    async def __aenter__(self) -> LocalCloud:
        try:
            await asyncio.to_thread(self._start_children)
            self._gateway = DeployedGateway(
                self._at.control_plane_url,
                self._at.aws_url,
                port=self._ports[2],
                region=self._region,
                credentials=EMULATOR_CREDENTIALS if self.emulator == "ministack" else None,
                limits=self._limits,
                poll_s=0.5,
                told=self._told,
            )
            await self._gateway.__aenter__()
            at = replace(self._at, gateway_url=self._gateway.url)
            self.target = replace(self.target, emulated=at)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *fault: object) -> None:
        if self._gateway is not None:
            await self._gateway.__aexit__(*fault)
            self._gateway = None
        for child in reversed(self.children.values()):
            child.stop()
        self._scratch.cleanup()

    def dead_child(self) -> str | None:
        """Why a child process ended; None while all run."""
        for part in (*self.children.values(), self._gateway):
            why = part.dead() if isinstance(part, Child) else part and part.dead_child()
            if why:
                return why
        return None

    def _start_children(self) -> None:
        aws_port, beside_port, gateway_port, redis_port = self._ports
        require_free(gateway_port, "gateway", OTHER_PORT)  # before the steps that take long
        self.children["valkey"] = start_valkey(redis_port)
        if self.emulator == "localstack":
            self.children["ministack"] = start_ministack(beside_port, self._region)
            self.children["localstack"] = start_localstack(aws_port, self._tell)
            return
        python = lambda_python(Path(self._scratch.name, "python"))
        region, lambda_port = self._region, free_port()
        self.children["lambda"] = start_lambda(lambda_port, self._at.aws_url, python)
        where = f"http://127.0.0.1:{lambda_port}/"
        names = triggers.load(ROOT / "app.py").functions
        functions = {f"{NAME}-{name}": where for name in names}
        self.children["ministack"] = start_ministack(aws_port, region, functions)
