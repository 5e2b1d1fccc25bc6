"""The developer's CLI: `tidings --help`."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from workbench.client import ActionError
from workbench.conformance.serve import stack as conformance_stack
from workbench.deploy.tokens import NoSecret, read_secret
from workbench.package import PYTHON
from workbench.stack import running, surroundings
from workbench.stack.embedded import ROOT, EmbeddedStack
from workbench.stack.logs import Format
from workbench.stack.tokens import sign

from . import chat as chat_command
from . import cost as cost_command
from . import dead as dead_command
from . import deploy as deploy_command
from . import drill as drill_command
from . import gateway as gateway_command
from . import http, say
from . import package as package_command
from . import up as up_command

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Tidings, for its developers.")
app.add_typer(dead_command.app, name="dead")
app.command()(gateway_command.gateway)
app.command()(deploy_command.deploy)
app.command()(deploy_command.destroy)
app.command()(cost_command.cost)
app.add_typer(drill_command.app, name="drill")

T = TypeVar("T")
Url = Annotated[str, typer.Option(help="The stack's address; the running one by default.")]
Secret = Annotated[
    str,
    typer.Option(help="Of a deployment: its secret in Secrets Manager, which you may read."),
]
Region = Annotated[str | None, typer.Option(envvar="REGION", help="Of the secret.")]


@app.callback()
def start() -> None:
    """Tidings, for its developers."""
    surroundings.prepare()


def stack_url() -> str:
    """Where the running local stack is."""
    stack = running.find(running.home())
    return stack.url if stack else "http://127.0.0.1:8080"


@app.command()
def up(
    port: Annotated[int, typer.Option(envvar="PORT", help="0 for a free one.")] = 8080,
    region: Annotated[str, typer.Option(envvar="REGION")] = "us-east-1",
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
    log_format: Annotated[Format, typer.Option(help="Log lines: text or json.")] = "text",
) -> None:
    """Run the whole of Tidings on this machine until Ctrl-C."""
    options = up_command.Options(
        port, region, reload, shards, persist, tuple(allow_origin or ()), log_format
    )
    raise typer.Exit(up_command.up(options))


@app.command()
def conformance(
    port: Annotated[int, typer.Option()] = 3000,
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


@app.command()
def package(
    out: Annotated[Path, typer.Option(help="Folder of the package.", show_default="dist here")] = (
        ROOT / "dist"
    ),
    architecture: Annotated[str, typer.Option(help="arm64 or x86_64")] = "arm64",
    python: Annotated[str, typer.Option(help="Of the Lambda runtime.")] = PYTHON,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Make the deployment package that Terraform applies."""
    raise typer.Exit(package_command.run(out, architecture, python, as_json))


@app.command()
def token(
    user: str,
    expires_in: Annotated[int, typer.Option(help="Seconds.")] = 86_400,
    role: Annotated[list[str] | None, typer.Option(help="service or admin")] = None,
    url: Url = "",
    secret: Secret = "",
    region: Region = None,
) -> None:
    """Print a token for USER: from the local stack, or signed with a deployment's secret."""
    issue = _issuer(url or stack_url(), secret, region)
    typer.echo(_finish(issue(user, expires_in, role or [])))


@app.command()
def chat(user: str, room: str, url: Url = "", secret: Secret = "", region: Region = None) -> None:
    """Chat as USER in ROOM; the room is created, and USER let in, when need be."""
    url = url or stack_url()
    raise typer.Exit(_finish(chat_command.run(url, user, room, _issuer(url, secret, region))))


def _issuer(url: str, secret_id: str, region: str | None) -> chat_command.Issuer:
    """Whoever gives tokens: the stack at `url`, or the secret of a deployment."""
    if not secret_id:
        return functools.partial(http.dev_token, url)

    async def issue(user: str, expires_in_s: int, roles: list[str]) -> str:
        return sign(
            await asyncio.to_thread(read_secret, secret_id, region), user, expires_in_s, roles
        )

    return issue


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Run it; what its user must know ends the command with exit code 1."""
    try:
        return asyncio.run(work)
    except (http.HttpError, NoSecret, ActionError) as fault:
        say.problem(fault)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()
