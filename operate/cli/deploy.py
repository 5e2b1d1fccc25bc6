"""`tidings deploy` and `tidings destroy`: Tidings in AWS, or in emulators on this machine."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from operate.deploy import deploy as steps
from operate.deploy.account import account
from operate.deploy.errors import CheckError
from operate.deploy.process import stopped_in_order
from operate.deploy.ready import Checking, Deployed
from operate.deploy.targets import Emulated, Name, Target, emulated

from . import options, say

TargetName = Annotated[Name, typer.Option("--target", help="Emulators: start localstack/up first.")]
RegionName = Annotated[
    str | None,
    typer.Option(
        parser=options.region,
        metavar="REGION",
        help="The primary region, which cannot change later; by default the variables' region, "
        "else us-east-1.",
    ),
]
VariableFiles = Annotated[
    list[Path] | None,
    typer.Option("--var-file", help="A file of Terraform variables; repeatable.", exists=True),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SkipPreflight = Annotated[
    bool, typer.Option("--skip-preflight", help="Do not check the account before anything changes.")
]
SkipProof = Annotated[
    bool, typer.Option("--skip-proof", help="Do not prove at the end that messages arrive.")
]
Token = Annotated[
    str,
    typer.Option(
        envvar="TIDINGS_TOKEN",
        help="A user's token, for the proof of a deployment whose tokens an issuer signs.",
    ),
]


def deploy(
    target: TargetName,
    region: RegionName = None,
    var_file: VariableFiles = None,
    bytecode: options.Bytecode = True,
    skip_preflight: SkipPreflight = False,
    skip_proof: SkipProof = False,
    token: Token = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Check the account, package this checkout, apply Terraform, and prove that it works."""
    console = Console(stderr=True, highlight=False)

    confirm = _confirm(console, "Apply this", yes)
    checking = Checking(
        not skip_preflight, not skip_proof, token, lambda each: say.check(console, each)
    )
    try:
        with stopped_in_order():
            deployment = _deployment(console, target, region, var_file, bytecode)
            deployed = deployment.deploy(confirm, checking)
    except CheckError as fault:
        if as_json:
            typer.echo(json.dumps({"deployed": bool(fault.proof), **_checks(fault)}))
        raise
    if as_json:
        typer.echo(json.dumps({"deployed": True, **asdict(deployed), **_checks(deployed)}))
        return
    table = Table.grid(padding=(0, 2))
    table.add_row("HTTP", f"{deployed.url}/v1/health")
    table.add_row("WebSocket", f"{deployed.websocket_url}?token=…")
    if deployed.one_host:
        table.add_row("Socket.IO", deployed.url)
    table.add_row("resources", str(deployed.resources))
    table.add_row("seconds", ", ".join(f"{step} {s}" for step, s in deployed.seconds.items()))
    Console(highlight=False).print(table)


def destroy(
    target: TargetName,
    region: RegionName = None,
    var_file: VariableFiles = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete a deployment, with everything that users have written."""
    console = Console(stderr=True, highlight=False)
    confirm = _confirm(console, "Delete this deployment, its tables and all messages", yes)
    with stopped_in_order():
        _deployment(console, target, region, var_file).destroy(confirm)
    if as_json:
        typer.echo(json.dumps({"destroyed": True}))
        return
    console.print("destroyed")


def _checks(found: CheckError | Deployed) -> dict[str, Any]:
    parts = {"preflight": found.preflight, "proof": found.proof}
    return {name: [each.as_data() for each in checks] for name, checks in parts.items()}


def _confirm(console: Console, what: str, yes: bool) -> steps.Confirm:
    """Return a function that shows the plan and its account, and asks unless `yes` is set."""

    def confirm(change: steps.Change) -> bool:
        say.plain(console, f"{change.plan}\n\n{change.where}")
        return yes or typer.confirm(f"{what}?", err=True)

    return confirm


def _deployment(
    console: Console,
    name: Name,
    region: str | None,
    files: list[Path] | None,
    compiles: bool = True,
) -> steps.Deployment:
    def tell(line: str) -> None:
        say.plain(console, f"  {line[:160]}", "dim")

    target = _target(name, region)
    return steps.Deployment(
        target, variable_files=files or [], tell=tell, whose=account, compiles=compiles
    )


def _target(name: Name, region: str | None) -> Target:
    """The target; an emulator has localstack/up's addresses unless the environment sets others."""
    if name == "aws":
        return Target(name, region)
    default = Emulated()
    aws_url = os.environ.get("AWS_ENDPOINT_URL", default.aws_url)
    beside = os.environ.get("TIDINGS_BESIDE_URL", "http://127.0.0.1:4567")
    at = Emulated(
        aws_url=aws_url,
        beside_url=beside if name == "localstack" else "",
        gateway_url=os.environ.get("TIDINGS_GATEWAY_URL", default.gateway_url),
        redis_url=os.environ.get("TIDINGS_REDIS_URL", default.redis_url),
    )
    return emulated(name, region or "us-east-1", at)
