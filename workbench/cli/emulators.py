"""`localstack/up`: AWS's APIs and Redis for deployments, in the foreground until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer
from rich.console import Console

from workbench.stack.children import StackError
from workbench.stack.emulators import Emulator, Emulators, Ports

_CHECK_S = 0.5


def emulators(
    emulator: Annotated[
        Emulator, typer.Option(help="What serves AWS's APIs.")
    ] = Emulator.LOCALSTACK,
    port: Annotated[int, typer.Option(envvar="AWS_PORT", help="AWS's APIs.")] = Ports.aws,
    beside_port: Annotated[
        int, typer.Option(envvar="BESIDE_PORT", help="The APIs that LocalStack lacks.")
    ] = Ports.beside,
    redis_port: Annotated[int, typer.Option(envvar="REDIS_PORT")] = Ports.redis,
    region: Annotated[str, typer.Option(envvar="REGION")] = "us-east-1",
) -> None:
    """Run the emulators that Tidings can be deployed into, without Docker, until Ctrl-C."""
    console = Console(highlight=False)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    ports = Ports(port, beside_port, redis_port)
    console.print(f"starting {emulator.value} …")
    try:
        with Emulators(emulator, ports, region, console.print) as running:
            _tell(console, running)
            while not stop.wait(_CHECK_S):
                running.check()
            console.print("stopping …")
    except StackError as fault:
        Console(stderr=True, highlight=False).print(f"[red]tidings:[/red] {fault}")
        raise typer.Exit(1) from None


def _tell(console: Console, running: Emulators) -> None:
    for service, url in running.api_urls.items():
        console.print(f"# {service} is at {url}")
    console.print(f"export AWS_ENDPOINT_URL={running.aws_url}")
    console.print(f"export TIDINGS_REDIS_URL={running.redis_url}")


if __name__ == "__main__":
    typer.run(emulators)
