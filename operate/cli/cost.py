"""`tidings cost`: estimate what a deployment costs in a month."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from operate.cost import Egress, Usage, load, monthly
from operate.cost.markdown import block, usd

USERS = (1_000, 1_000_000)


def cost(
    users: Annotated[list[int] | None, typer.Option(min=1, help="Daily users.")] = None,
    regions: Annotated[int, typer.Option(min=1, help="Regions, with the users spread evenly.")] = 1,
    heartbeat_s: Annotated[float, typer.Option(min=1, help="Seconds between two pings.")] = 240,
    messages: Annotated[float, typer.Option(min=0, help="Messages that a user sends a day.")] = 20,
    room_members: Annotated[float, typer.Option(min=1, help="Members of a message's room.")] = 5,
    hours_connected: Annotated[float, typer.Option(min=0, max=24, help="Hours a day online.")] = 4,
    egress: Annotated[
        Egress, typer.Option(help="The variable network.egress; none: functions outside a VPC.")
    ] = "nat",
    markdown: Annotated[bool, typer.Option(help="Print the tables of the deploy guide.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Estimate the cost of a month from call budgets, assumed usage and us-east-1 list prices."""
    prices, counts = load(), users or list(USERS)
    if markdown:
        typer.echo(block(counts, prices))
        return
    answers = []
    for count in counts:
        usage = Usage(
            users=count,
            regions=regions,
            heartbeat_s=heartbeat_s,
            messages=messages,
            room_members=room_members,
            hours_connected=hours_connected,
            egress=egress,
        )
        bill = monthly(usage, prices)
        total = sum(line.usd for line in bill)
        if as_json:
            lines = [
                {"service": line.service, "name": line.name, "quantity": line.quantity,
                 "usd": round(line.usd, 4)}
                for line in bill
            ]  # fmt: skip
            answers.append(
                {"users": count, "regions": regions, "usd": round(total, 2), "lines": lines}
            )
            continue
        table = Table("service", "what", "how many", "USD", title=f"{count:,} users: {usd(total)}")
        for line in bill:
            what = prices[line.name].unit
            table.add_row(line.service, what, f"{line.quantity:,.0f}", usd(line.usd))
        Console().print(table)
    if as_json:
        typer.echo(json.dumps(answers))
