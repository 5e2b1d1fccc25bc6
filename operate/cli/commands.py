"""The operators' commands, in one list from which a program is composed."""

from __future__ import annotations

import typer

from . import (
    cost,
    dead,
    deploy,
    doctor,
    drain,
    grafana,
    logs,
    package,
    room,
    send,
    settings,
    status,
    tail,
    token,
)


def add_to(app: typer.Typer) -> None:
    """Add every operators' command to `app`."""
    app.command()(token.token)
    app.add_typer(room.app, name="room")
    app.command()(send.send)
    app.command()(status.status)
    app.command()(doctor.doctor)
    app.add_typer(settings.app, name="settings")
    app.command()(logs.logs)
    app.command()(tail.tail)
    app.command()(grafana.grafana)
    app.command()(package.package)
    app.command()(deploy.deploy)
    app.command()(deploy.destroy)
    app.add_typer(dead.app, name="dead")
    app.add_typer(drain.app, name="drain")
    app.command()(cost.cost)
