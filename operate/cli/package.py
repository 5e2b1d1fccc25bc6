"""`tidings package`: make the deployment package, with progress on standard error."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from operate.package import PYTHON, Package, Target, build
from operate.package.build import ROOT

from . import options, say


def package(
    out: Annotated[Path, typer.Option(help="The package's folder.", show_default="./dist")] = (
        ROOT / "dist"
    ),
    architecture: Annotated[str, typer.Option(help="arm64 or x86_64")] = "arm64",
    python: Annotated[str, typer.Option(help="The Lambda runtime's Python.")] = PYTHON,
    bytecode: options.Bytecode = True,
    as_json: options.Json = False,
) -> None:
    """Make the deployment package that Terraform applies."""
    console = Console(stderr=True, highlight=False)
    try:
        target = Target(python, architecture)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None
    started = time.monotonic()
    with console.status("packaging …") as status:
        made = build(target, out, lambda step: status.update(Text(f"{step} …")), compiles=bytecode)
    if as_json:
        typer.echo(json.dumps({"out": str(out), **asdict(made)}))
        return
    took_s = time.monotonic() - started
    say.plain(
        console,
        f"{out}: {made.bytes / 1e6:.1f} MB for {made.runtime} on {made.architecture}, "
        f"{len(made.functions)} functions, {took_s:.0f} s; {_compiled(made)}",
    )


def _compiled(made: Package) -> str:
    if made.bytecode is None:
        return "no bytecode: each cold start compiles, and takes twice as long"
    return f"compiled by {made.bytecode}"
