"""Serve the deployed APIs on one local host, in place of API Gateway and CloudFront.

Owns following the control plane. `discovery` reads what is deployed; `workbench.gateway` has
every rule of API Gateway.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from operate.deploy.targets import NAME
from workbench.gateway import Gateway, Limits
from workbench.stack.children import StackError, not_listening
from workbench.stack.dev import guarded
from workbench.stack.page import demo_page

from .discovery import Deployment, Discovery, Unreachable
from .functions import DeployedFunctions
from .tokens import DeployedTokens

OTHER_PORT = ": choose another with --port"
logger = logging.getLogger("tidings.deploy")
# The keys that an emulator's functions sign with; ministack uses the account as access key id.
EMULATOR_CREDENTIALS = {"test": "test", "000000000000": "test"}


class DeployedGateway:
    """An async context that serves the deployed APIs and follows changes.

    Args:
        control_plane_url: Where the apigatewayv2 control plane answers.
        lambda_url: Where Lambda and Secrets Manager answer; the same by default.
        prefix: APIs with this name, or whose name begins with it and `-`, are served.
        credentials: Secret by access key id, for posts to @connections. None accepts any
            well-formed signature, as LocalStack's functions have keys of their own.
        poll_s: Seconds between two reads of the control plane.
        told: Called with each deployment that differs from the one before.

    Attributes:
        deployment: The deployment that is served.
    """

    def __init__(
        self,
        control_plane_url: str,
        lambda_url: str = "",
        *,
        host: str = "127.0.0.1",
        port: int = 8080,
        region: str = "us-east-1",
        prefix: str = NAME,
        credentials: Mapping[str, str] | None = EMULATOR_CREDENTIALS,
        limits: Limits | None = None,
        poll_s: float = 2.0,
        told: Callable[[Deployment], None] = lambda deployment: None,
    ) -> None:
        lambda_url = lambda_url or control_plane_url
        for url in (control_plane_url, lambda_url):
            _require_local(url)
        self.host = host
        self.port = port
        self.deployment = Deployment()
        self._poll_s = poll_s
        self._told = told
        self._discovery = Discovery(control_plane_url, region, prefix)
        self._functions = DeployedFunctions(lambda_url, region)
        tokens = DeployedTokens(lambda_url, region, self._a_function)
        self._gateway = Gateway(
            self._functions,
            [],
            region=region,
            limits=limits,
            credentials=credentials,
            static=demo_page(),
            local_routes=guarded({("POST", "/dev/token"): tokens}),
        )
        self._watcher: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{self.host}:{self.port}/ws"

    async def __aenter__(self) -> DeployedGateway:
        """Start serving.

        Raises:
            StackError: The control plane does not answer, or the port is taken.
        """
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
        await self._gateway.stop()
        await self._functions.close()

    async def _start(self) -> None:
        try:
            self._serve(await asyncio.to_thread(self._discovery.read))
        except Unreachable as fault:
            raise StackError(str(fault)) from fault
        try:
            self.port = await self._gateway.start(self.host, self.port)
        except OSError as fault:
            raise not_listening("gateway", self.port, fault, OTHER_PORT) from fault
        self._watcher = asyncio.create_task(self._watch())

    def dead_child(self) -> str | None:
        """Why the control plane is no longer followed; None while it is."""
        if self._watcher is None or not self._watcher.done() or self._watcher.cancelled():
            return None
        return f"following the control plane failed: {self._watcher.exception()!r}"

    async def _watch(self) -> None:
        """Follow the control plane; while it does not answer, keep serving its last state."""
        answers = True
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                deployment = await asyncio.to_thread(self._discovery.read)
            except Unreachable as fault:
                if answers:
                    logger.warning("%s", fault)
                answers = False
                continue
            answers = True
            if deployment != self.deployment:
                self._serve(deployment)

    def _serve(self, deployment: Deployment) -> None:
        for problem in deployment.problems:
            if problem not in self.deployment.problems:
                logger.warning("%s", problem)
        self._gateway.serve(deployment.websocket_apis, deployment.http_api)
        self.deployment = deployment
        self._told(deployment)

    def _a_function(self) -> str | None:
        """Any of the functions, as all of them have the same secret."""
        apis = self.deployment
        names = set(apis.http_api.functions.values() if apis.http_api else ())
        names.update(*(api.routes.values() for api in apis.websocket_apis))
        return min(names, default=None)


def _require_local(url: str) -> None:
    """Refuse addresses outside this machine: `/dev/token` must never be served for AWS."""
    host = urlsplit(url).hostname or ""
    if not host or host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".aws")):
        raise StackError(f"{url or 'an empty URL'} is not an emulator's address on this machine")
