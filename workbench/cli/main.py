"""The one program, `tidings --help`: the developers' commands and the operators'."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from chalicelib import __version__
from operate import surroundings
from operate.cli import commands
from operate.cli.options import Region, Room, Secret, Url, User
from operate.cli.program import Program
from operate.cli.service import LocalStack, Service
from operate.keys import Keys
from tidings_client import ActionError
from workbench.conformance.serve import stack as conformance_stack
from workbench.drills.service import ServiceError
from workbench.drills.swarm import NoClient, SwarmEnded
from workbench.stack import running
from workbench.stack.children import StackError
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.logs import Format

from . import chaos as chaos_command
from . import drill as drill_command
from . import gateway as gateway_command
from . import model as model_command
from . import simulate as simulate_command
from . import up as up_command
from .options import Port, StackRegion, StackRegions, Stores


class Tidings(Program):
    """With the faults of the workbench."""

    faults = (*Program.faults, ActionError, NoClient, ServiceError, StackError, SwarmEnded)


app = typer.Typer(
    cls=Tidings,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Tidings: the whole of it on this machine, and in AWS.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tidings {__version__}")
        raise typer.Exit


@app.callback()
def tidings(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Tidings: the whole of it on this machine, and in AWS."""
    surroundings.prepare()
    context.obj = local_stack()


def local_stack() -> LocalStack | None:
    """The stack that `tidings up` runs from this checkout."""
    found = running.find(running.home())
    if found is None:
        return None
    return LocalStack(
        found.url,
        found.region,
        found.prefix,
        found.aws_endpoint_url,
        found.redis_url,
        Keys(found.access_key_id, found.secret_access_key),
        tuple(each.log_file for each in (found, *found.others) if each.log_file),
    )


@app.command()
def up(
    port: Port = 8080,
    region: StackRegion = "us-east-1",
    regions: StackRegions = None,
    chaos: Annotated[
        bool, typer.Option("--chaos", help="Let services of the one region fail on request, too.")
    ] = False,
    reload: Annotated[bool, typer.Option(help="Reload handlers when their code changes.")] = True,
    shards: Annotated[int, typer.Option(help="WebSocket APIs: /ws-0 and on.", min=1)] = 1,
    persist: Annotated[bool, typer.Option(help="Keep the data for the next start.")] = False,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Let pages of this origin, such as http://localhost:3000, use the APIs and get "
            "tokens from /dev/token; repeatable."
        ),
    ] = None,
    stores: Annotated[
        Stores,
        typer.Option(
            help="Where data and queues are: in the emulator and Valkey, or in the memory of the "
            "stack, which is several times as fast."
        ),
    ] = "emulator",
    log_format: Annotated[Format, typer.Option(help="Log lines: text or json.")] = "text",
) -> None:
    """Run the whole of Tidings on this machine until Ctrl-C."""
    names = regions or ((region,) if chaos else ())
    options = up_command.Options(
        port,
        region,
        reload,
        shards,
        persist,
        tuple(allow_origin or ()),
        log_format,
        names,
        in_memory=stores == "memory",
    )
    raise typer.Exit(up_command.up(options))


@app.command()
def chat(
    context: typer.Context,
    user: User,
    room: Room,
    url: Url = None,
    secret: Secret = "",
    region: Region = None,
) -> None:
    """Chat as USER in ROOM; the room is created, and USER let in, when need be."""
    from . import chat as chat_command  # the terminal's library takes long to import

    service = Service.of(context, url, secret, region)
    raise typer.Exit(asyncio.run(chat_command.run(service, user, room)))


commands.add_to(app)
app.command()(gateway_command.gateway)
app.command()(chaos_command.chaos)
app.add_typer(drill_command.app, name="drill")
app.command()(simulate_command.simulate)
app.command()(model_command.model)


@app.command()
def conformance(
    port: Port = 3000,
    path: Annotated[str, typer.Option(help="Of the Socket.IO application.")] = "/socket.io",
    ping_interval_ms: Annotated[int, typer.Option(min=1)] = 1000,
    ping_timeout_ms: Annotated[int, typer.Option(min=1)] = 800,
    allow_binary: Annotated[
        bool, typer.Option(help="Take binary frames, which API Gateway refuses.")
    ] = False,
) -> None:
    """Serve the applications of the official Engine.IO (/engine.io) and Socket.IO suites."""

    def tell(console: Console, stack: EmbeddedStack) -> None:
        console.print(f"  Socket.IO  {stack.url}{path}/")
        console.print(f"  Engine.IO  {stack.url}/engine.io/")

    options = (port, path, ping_interval_ms, ping_timeout_ms, allow_binary)
    raise typer.Exit(up_command.run(lambda: conformance_stack(*options), tell))


if __name__ == "__main__":
    app(prog_name="tidings")
