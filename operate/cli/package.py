"""`tidings package`: the deployment package, with its progress on standard error."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from operate.package import PackageError, Target, build

from . import say


def run(out: Path, architecture: str, python: str, as_json: bool) -> int:
    """Make it; the exit code."""
    console = Console(stderr=True, highlight=False)
    try:
        target = Target(python, architecture)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None
    started = time.monotonic()
    try:
        with console.status("packaging …") as status:
            package = build(target, out, lambda step: status.update(Text(f"{step} …")))
    except PackageError as fault:
        say.problem(fault)
        return 1
    if as_json:
        typer.echo(json.dumps({"out": str(out), **asdict(package)}))
        return 0
    took_s = time.monotonic() - started
    say.plain(
        console,
        f"{out}: {package.bytes / 1e6:.1f} MB for {package.runtime} on {package.architecture}, "
        f"{len(package.functions)} functions, {took_s:.0f} s",
    )
    return 0
