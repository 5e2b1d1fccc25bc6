"""Options of the commands that run servers on this machine."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

import typer

from operate import clients
from operate.cli import options

Stores = Literal["emulator", "memory"]
Port = Annotated[
    int, typer.Option(envvar="PORT", min=0, max=65_535, help="The port; 0 for a free one.")
]


def region(text: str) -> str:
    """A region that AWS has, as far as the SDK knows: a typo would have tables of its own."""
    name, known = options.region(text), clients.regions()
    if name not in known:
        close = difflib.get_close_matches(name, known, 3)
        hint = f"did you mean {' or '.join(close)}?" if close else "write us-east-1 or the like"
        raise typer.BadParameter(f"{name!r} is not an AWS region: {hint}")
    return name


def regions(text: str) -> tuple[str, ...]:
    """Names of regions, separated by commas; the first is the one that commands use by default."""
    names = tuple(region(each.strip()) for each in text.split(",") if each.strip())
    if not names or len(set(names)) < len(names):
        raise typer.BadParameter(f"{text!r}: write regions, each once, as us-east-1,eu-west-1")
    return names


StackRegions = Annotated[
    Any,  # a tuple of names; Typer knows tuples of a fixed length only
    typer.Option(
        parser=regions,
        metavar="REGIONS",
        envvar="REGIONS",
        help="Run these regions side by side, such as us-east-1,ap-southeast-1: the first at "
        "--port, the next at the port after it, and so on.",
    ),
]
StackRegion = Annotated[
    str,
    typer.Option(
        parser=region, metavar="REGION", envvar="REGION", help="The AWS region to act as."
    ),
]
