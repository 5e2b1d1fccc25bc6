"""Names of tables and queues, from the definition that Terraform reads, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEFINITION = Path(__file__).resolve().parents[1] / "terraform" / "resources.json"


def load() -> dict[str, Any]:
    definition: dict[str, Any] = json.loads(DEFINITION.read_text())
    return definition


def of_regions(definition: dict[str, Any], several: bool) -> dict[str, Any]:
    """The definition without what only a deployment of several regions has, if it is of one."""
    queues = {
        name: queue
        for name, queue in definition["queues"].items()
        if several or not queue.get("between_regions")
    }
    return {**definition, "queues": queues}


def queue_name(prefix: str, name: str, queue: dict[str, Any]) -> str:
    return f"{prefix}-{name}" + (".fifo" if queue["fifo"] else "")
