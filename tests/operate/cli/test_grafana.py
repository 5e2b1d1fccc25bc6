"""`tidings grafana` with a dashboard in an emulator."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from operate import clients
from tests.support.emulator import REGION, Emulator
from workbench.cli.main import app

BODY = """{"widgets": [{"type": "metric", "x": 0, "y": 0, "width": 8, "height": 6, "properties": {
    "title": "Errors", "region": "us-east-1", "period": 60, "stat": "Sum",
    "metrics": [["AWS/Lambda", "Errors", {"label": "errors"}]]}}]}"""


def _run(emulator: Emulator) -> tuple[int, str]:
    options = ["--region", REGION, "--name", emulator.prefix, "--endpoint-url", emulator.url]
    done = CliRunner().invoke(app, ["grafana", *options])
    return done.exit_code, done.output


def test_it_is_that_of_the_deployment_and_its_region(emulator: Emulator) -> None:
    code, output = _run(emulator)
    assert (code, f"no dashboard {emulator.prefix}-{REGION}" in output) == (1, True)
    name = f"{emulator.prefix}-{REGION}"
    watch = clients.client("cloudwatch", emulator.url, REGION)
    watch.put_dashboard(DashboardName=name, DashboardBody=BODY)
    code, output = _run(emulator)
    assert code == 0
    made = json.loads(output)
    assert made["title"] == name
    assert [panel["title"] for panel in made["panels"]] == ["Errors"]
