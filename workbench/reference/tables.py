"""tables.md: the DynamoDB tables of terraform/resources.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .markdown import code, table
from .sections import Makers

RESOURCES = Path(__file__).resolve().parents[2] / "terraform" / "resources.json"


def tables() -> str:
    """All tables: keys, indexes, TTL, scope."""
    rows = []
    for name, each in load()["tables"].items():
        indexes = [f"{code(index['name'])} ({_keys(index)})" for index in each.get("indexes", [])]
        rows.append(
            (
                f"[`{name}`](#{name})",
                f"{each['scope']}, carried" if each.get("carried") else each["scope"],
                _keys(each),
                "<br>".join(indexes) or "none",
                code(each["ttl"]) if "ttl" in each else "none",
            )
        )
    return table(["table", "scope", "key", "indexes", "TTL"], rows)


def load() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESOURCES.read_text())
    return found


def _keys(of: dict[str, Any]) -> str:
    keys = [of["hash_key"], *([of["range_key"]] if "range_key" in of else [])]
    return ", ".join(code(key) for key in keys)


SECTIONS: Makers = {"tables": tables}
