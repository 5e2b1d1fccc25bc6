"""What terraform/modules/monitoring watches is what functions emit; alarms lead to the guide."""

from __future__ import annotations

import ast
import json
import re

from chalicelib.adapters.cloudwatch import CloudWatchMetrics
from chalicelib.adapters.sdk import client
from chalicelib.entrypoints import schedules
from chalicelib.kernel.settings import Settings
from tests.support.ministack import REGION
from tests.support.paths import ROOT
from tests.support.world import World

MODULE = ROOT / "terraform" / "modules" / "monitoring"
WATCHED = json.loads((MODULE / "metrics.json").read_text())
EMBEDDED = {name: m["unit"] for name, m in WATCHED.items() if not m.get("by_region")}
REPORTED = {name: m["unit"] for name, m in WATCHED.items() if m.get("by_region")}


def measured() -> set[str]:
    """The names of all values given to `telemetry.measure`."""
    names: set[str] = set()
    for path in sorted((ROOT / "chalicelib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "telemetry.measure":
                keywords = [keyword.arg for keyword in node.keywords]
                assert None not in keywords, f"{path}: names must be readable here"
                names.update(name for name in keywords if name)
    return names


def test_the_embedded_metrics() -> None:
    assert set(EMBEDDED) == measured()
    for name, unit in EMBEDDED.items():
        assert unit == ("Milliseconds" if name.endswith("_ms") else "Count"), name


def test_the_reported_metrics() -> None:
    world = World()
    world.room("alice", "bob")
    alice = world.connect("alice")
    schedules.report(world.services, {})
    world.sweep()
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    world.act(alice, "send_message", **body)
    world.clock.ms += 60_000 - world.clock.ms % 60_000
    world.metrics.values.clear()
    schedules.report(world.services, {})
    assert {name: unit for name, _, unit in world.metrics.values} == REPORTED


def test_reported_metrics_have_the_region_as_their_dimension(ministack_url: str) -> None:
    namespace = Settings().metrics_namespace
    CloudWatchMetrics(REGION, ministack_url, namespace).put({"ActiveConnections": (2, "Count")}, 0)
    cloudwatch = client("cloudwatch", REGION, ministack_url)
    [metric] = cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
    assert metric["Dimensions"] == [{"Name": "Region", "Value": REGION}]


def test_the_module_watches_the_namespace_that_the_functions_have() -> None:
    variables = (MODULE / "variables.tf").read_text()
    block = variables[variables.index('variable "metrics_namespace"') :]
    found = re.search(r'default\s+= "(.+)"', block)
    assert found is not None
    assert found[1] == Settings().metrics_namespace


def test_each_alarm_leads_to_a_section_of_the_guide() -> None:
    sections = set(re.findall(r'section\s+= "(.+)"', (MODULE / "alarms.tf").read_text()))
    assert len(sections) > 8
    guide = (ROOT / "docs" / "how-to" / "operate.md").read_text()
    titles = re.findall(r"^#+ (.+)$", guide, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert sections <= anchors
