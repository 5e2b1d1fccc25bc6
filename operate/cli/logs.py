"""`tidings logs`: what the functions wrote, by what it is about."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from operate import triggers
from operate.doctor.subject import APP
from operate.logs.cloudwatch import Groups
from operate.logs.lines import LEVELS, Line, Wanted, text
from operate.logs.local import Files

from . import options, say, subject
from .options import Json

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_POLL_LOCAL_S, _POLL_AWS_S = 0.2, 2.0
Read = Callable[[], list[Line]]


def _level(text: str) -> str:
    if text.upper() not in LEVELS:
        raise typer.BadParameter(f"{text!r} is no level: write one of {', '.join(LEVELS)}")
    return text.upper()


def _since(text: str) -> int:
    """Milliseconds of a time such as 15m."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time: write for example 30s, 15m, 2h or 1d")
    return int(found[1]) * _UNITS_S[found[2]] * 1000


def logs(
    context: typer.Context,
    region: subject.OfRegion = None,
    name: subject.Name = "tidings",
    endpoint_url: subject.Endpoint = None,
    function: Annotated[
        list[str] | None, typer.Option(help="A function's, such as deliver; repeatable.")
    ] = None,
    request: Annotated[str, typer.Option(help="Of the request with this request_id.")] = "",
    connection: Annotated[str, typer.Option(help="Of the connection with this id.")] = "",
    user: Annotated[
        str | None, typer.Option(parser=options.user_id, metavar="USER", help="Of a user.")
    ] = None,
    room: Annotated[
        str | None, typer.Option(parser=options.room_id, metavar="ROOM", help="About a room.")
    ] = None,
    event: Annotated[str, typer.Option(help="Of this event, such as job_failed.")] = "",
    level: Annotated[
        str, typer.Option(parser=_level, metavar="LEVEL", help="The least level, such as WARNING.")
    ] = LEVELS[0],
    since: Annotated[
        int, typer.Option(parser=_since, metavar="TIME", help="How long ago they may be.")
    ] = "15m",  # type: ignore[assignment]
    access: Annotated[
        bool, typer.Option("--access", help="Also API Gateway's lines, of a deployment.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Show the lines of the functions' logs, of a deployment or the stack that runs here."""
    found = subject.find(context, region, name, endpoint_url)
    wanted = Wanted(request, connection, user or "", room or "", event, level)
    since_ms = int(time.time() * 1000) - since
    known = triggers.load(APP).functions
    if unknown := set(function or ()) - known:
        names = ", ".join(sorted(unknown))
        raise typer.BadParameter(f"no function is called {names}: they are {_list(known)}")
    chosen = set(function or known)
    if found.local is not None:
        read, poll_s = _local(found.local.log_files, wanted, chosen, since_ms), _POLL_LOCAL_S
    else:
        groups = Groups(found.client("logs"), found.name, chosen, access=access)
        read, poll_s = _deployed(groups, wanted, since_ms), _POLL_AWS_S
    _show(read(), as_json)
    while follow:
        time.sleep(poll_s)
        _show(read(), as_json)


def _local(files: tuple[str, ...], wanted: Wanted, functions: set[str], since_ms: int) -> Read:
    """Those of files; lines of the stack itself have no function and are shown, too."""
    kept = Files([Path(each) for each in files])
    anyone = next(iter(functions))

    def read() -> list[Line]:
        # All are taken note of, as they say whose connection is whose.
        taken = [line for line in kept.new() if wanted.takes(line)]
        return [
            line
            for line in taken
            if line.at_ms >= since_ms and line.fields.get("function", anyone) in functions
        ]

    return read


def _deployed(groups: Groups, wanted: Wanted, since_ms: int) -> Read:
    def read() -> list[Line]:
        lines = groups.new(wanted, since_ms, int(time.time() * 1000))
        if groups.cut:
            groups.cut = False
            say.problem("there are more lines than are shown: narrow them down, or shorten --since")
        return lines

    return read


def _show(lines: list[Line], as_json: bool) -> None:
    for line in lines:
        if as_json:
            typer.echo(line.as_json())
            continue
        clock = datetime.fromtimestamp(line.at_ms / 1000).astimezone().strftime("%H:%M:%S")
        typer.echo(text(clock, line.fields, colour=say.coloured()))
        if "traceback" in line.fields:
            typer.echo(line.fields["traceback"])


def _list(known: set[str]) -> str:
    return ", ".join(sorted(known))
