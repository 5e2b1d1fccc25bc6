"""`tidings gateway`: what was deployed into an emulator, served on one host until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer
from rich.console import Console

from workbench.deploy.discovery import Deployment
from workbench.deploy.gateway import EMULATOR_CREDENTIALS, DeployedGateway
from workbench.stack.children import StackError

from . import say


def gateway(
    control_plane: Annotated[str, typer.Option(help="URL of the API Gateway (v2) API.")],
    lambda_: Annotated[
        str, typer.Option("--lambda", help="URL of Lambda and Secrets Manager, when another.")
    ] = "",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT")] = 8080,
    region: Annotated[str, typer.Option(envvar="REGION")] = "us-east-1",
    prefix: Annotated[str, typer.Option(help="What the APIs' names begin with.")] = "tidings",
    any_key: Annotated[
        bool,
        typer.Option(
            help="Take posts to @connections signed with any key, as LocalStack's functions do."
        ),
    ] = False,
) -> None:
    """Serve the APIs that are deployed in an emulator, and follow what is deployed later."""
    console = Console()

    def told(deployment: Deployment) -> None:
        _tell(console, deployment)

    try:
        served = DeployedGateway(
            control_plane,
            lambda_,
            host=host,
            port=port,
            region=region,
            prefix=prefix,
            credentials=None if any_key else EMULATOR_CREDENTIALS,
            told=told,
        )
        asyncio.run(_run(console, served))
    except StackError as fault:
        say.problem(fault)
        raise typer.Exit(1) from None


async def _run(console: Console, served: DeployedGateway) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with served:
        console.print(f"serving at {served.url}/ until Ctrl-C", highlight=False)
        await stop.wait()


def _tell(console: Console, deployment: Deployment) -> None:
    apis = deployment.websocket_apis
    for api in apis:
        console.print(f"  {api.path} and /{api.stage}: WebSocket API {api.api_id}", highlight=False)
    if deployment.http_api is not None:
        http = deployment.http_api
        console.print(f"  {len(http.routes)} routes: HTTP API {http.api_id}", highlight=False)
    if not apis and deployment.http_api is None:
        console.print("  no API is deployed")
