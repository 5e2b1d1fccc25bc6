"""`tidings gateway`: serve an emulator's deployment on one host until Ctrl-C."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from operate.cli.options import url
from operate.deploy.targets import NAME
from workbench.deployed.discovery import Deployment
from workbench.deployed.gateway import EMULATOR_CREDENTIALS, DeployedGateway

from . import up
from .options import Port, StackRegion


def gateway(
    control_plane: Annotated[
        str, typer.Option(parser=url, metavar="URL", help="The API Gateway (v2) API.")
    ],
    lambda_: Annotated[
        str | None,
        typer.Option(
            "--lambda", parser=url, metavar="URL", help="Lambda and Secrets Manager, if elsewhere."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Port = 8080,
    region: StackRegion = "us-east-1",
    prefix: Annotated[str, typer.Option(help="The prefix of the APIs' names.")] = NAME,
    any_key: Annotated[
        bool,
        typer.Option(
            help="Accept posts to @connections with any key; LocalStack's functions need it.",
        ),
    ] = False,
) -> None:
    """Serve the APIs that are deployed in an emulator, now and later."""
    console = Console(highlight=False)

    def served() -> DeployedGateway:
        return DeployedGateway(
            control_plane,
            lambda_ or "",
            host=host,
            port=port,
            region=region,
            prefix=prefix,
            credentials=None if any_key else EMULATOR_CREDENTIALS,
            told=lambda deployment: _tell(console, deployment),
        )

    raise typer.Exit(up.run(served, _serving))


def _serving(console: Console, served: DeployedGateway) -> None:
    console.print(f"serving at {served.url}/ until Ctrl-C", highlight=False)


def _tell(console: Console, deployment: Deployment) -> None:
    apis = deployment.websocket_apis
    for api in apis:
        console.print(f"  {api.path} and /{api.stage}: WebSocket API {api.api_id}")
    if deployment.http_api is not None:
        http = deployment.http_api
        console.print(f"  {len(http.routes)} routes: HTTP API {http.api_id}")
    if not apis and deployment.http_api is None:
        console.print("  no API is deployed yet")
