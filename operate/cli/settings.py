"""`tidings settings`: the values of a deployment's variables."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from operate.deploy import given, settings
from operate.deploy.deploy import ROOT

from . import say
from .options import Json

app = typer.Typer(no_args_is_help=True, help="Settings: check those of a deployment.")


@app.callback()
def of_a_deployment() -> None:
    """Settings: check those of a deployment."""


@app.command()
def check(
    var_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--var-file",
            help="A file of Terraform variables; repeatable. terraform.tfvars is read, too.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the variables of a deployment; exit code 1 if one cannot be. Asks nobody in AWS."""
    files = [*given.files_of(ROOT / "terraform"), *(var_file or [])]
    found = settings.faults(given.read(settings.names(), files))
    if as_json:
        typer.echo(json.dumps({"ok": not found, "faults": [asdict(each) for each in found]}))
    else:
        for fault in found:
            say.problem(fault)
        if not found:
            typer.echo("all settings can be")
    raise typer.Exit(1 if found else 0)
