"""`localstack/up`: run emulators for deployments on this machine until Ctrl-C."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from rich.console import Console

from operate import surroundings
from operate.cli import say
from workbench.deployed.local import LocalCloud

from . import up
from .options import Port, StackRegion


def emulators(
    emulator: Annotated[
        Literal["localstack", "ministack"], typer.Option(help="The emulator of AWS's APIs.")
    ] = "localstack",
    aws_port: Annotated[
        int, typer.Option(envvar="AWS_PORT", min=1, max=65_535, help="AWS's APIs.")
    ] = 4566,
    beside_port: Annotated[
        int,
        typer.Option(
            envvar="BESIDE_PORT", min=1, max=65_535, help="Port for APIs that LocalStack lacks."
        ),
    ] = 4567,
    port: Port = 8080,
    redis_port: Annotated[
        int, typer.Option(envvar="REDIS_PORT", min=1, max=65_535, help="Valkey.")
    ] = 6379,
    region: StackRegion = "us-east-1",
) -> None:
    """Run emulators of AWS's APIs, Valkey and the gateway, without Docker, until Ctrl-C."""
    surroundings.prepare()
    console = Console(highlight=False, stderr=True)

    def cloud() -> LocalCloud:
        return LocalCloud(
            emulator,
            aws_port=aws_port,
            beside_port=beside_port,
            gateway_port=port,
            redis_port=redis_port,
            region=region,
            tell=lambda line: say.plain(console, line),
        )

    raise typer.Exit(up.run(cloud, _tell))


def _tell(console: Console, cloud: LocalCloud) -> None:
    at = cloud.target.emulated
    assert at is not None
    console.print(f"{cloud.emulator} runs in {cloud.target.region}. Ctrl-C stops everything.\n")
    elsewhere = "" if cloud.target.region == "us-east-1" else f" --region {cloud.target.region}"
    console.print(f"  tidings deploy --target {cloud.emulator}{elsewhere}\n", highlight=False)
    told = {
        "AWS_ENDPOINT_URL": at.aws_url,
        "TIDINGS_BESIDE_URL": at.beside_url,
        "TIDINGS_GATEWAY_URL": at.gateway_url,
        "TIDINGS_REDIS_URL": at.redis_url,
    }
    for name, url in told.items():
        if url:
            console.print(f"  export {name}={url}", highlight=False)


if __name__ == "__main__":
    typer.run(emulators)
