"""Options of the commands that run servers on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from operate.cli.options import region

Port = Annotated[
    int, typer.Option(envvar="PORT", min=0, max=65_535, help="The port; 0 for a free one.")
]
StackRegion = Annotated[
    str,
    typer.Option(
        parser=region, metavar="REGION", envvar="REGION", help="The AWS region to act as."
    ),
]
