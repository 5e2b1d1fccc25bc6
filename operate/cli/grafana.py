"""`tidings grafana`: the dashboard of a deployment, for Grafana."""

from __future__ import annotations

import json

import typer
from botocore.exceptions import ClientError

from operate import grafana as convert

from . import say, subject


def grafana(
    context: typer.Context,
    region: subject.OfRegion = None,
    name: subject.Name = "tidings",
    endpoint_url: subject.Endpoint = None,
) -> None:
    """Print a region's CloudWatch dashboard as one for Grafana's CloudWatch data source."""
    found = subject.find(context, region, name, endpoint_url)
    title = f"{found.name}-{found.region}"
    try:
        body = found.client("cloudwatch").get_dashboard(DashboardName=title)["DashboardBody"]
    except ClientError as fault:
        if fault.response["Error"]["Code"] not in ("ResourceNotFound", "DashboardNotFoundError"):
            raise
        say.problem(f"there is no dashboard {title}: set monitoring.create, or give its --name")
        raise typer.Exit(1) from None
    typer.echo(json.dumps(convert.dashboard(title, body), indent=2))
