"""A process that runs cases of the model: requests as lines of JSON on stdin, answers on stdout.

See `workbench.simulator.worker`: the same seed gives the same figures in every process.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chalicelib.kernel.settings import Settings
from operate.cost import load as load_prices

from . import latencies, naive, rooms
from .prices import usd_per_million
from .rooms import Seen
from .spread import Spread

NAIVE = "naive"

# What Terraform sets.
_DEPLOYED = {"TIDINGS_OUTBOX": "1"}


@dataclass(frozen=True, slots=True)
class Case:
    """What one run models.

    Attributes:
        kind: `quiet` or `hot`.
        size: Members of a quiet room; messages a second in a hot one.
        clients: One of `backend.KINDS`, or `NAIVE`.
        settings: Environment variables of the product that differ from the defaults.
    """

    kind: str
    size: int
    clients: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """What a case gave.

    Attributes:
        per_s: Messages that receivers got in a second, until the last one.
        usd: The cost of a million messages by service; empty for a hot room.
    """

    case: Case
    messages: int
    ack: Spread
    receive: Spread
    missing: int
    misordered: float
    refused: Mapping[str, int]
    per_s: float
    usd: Mapping[str, float]

    @property
    def total_usd(self) -> float:
        return sum(self.usd.values())

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Row:
        """From its data."""
        case = Case(**given["case"])
        spreads = {name: Spread(**given[name]) for name in ("ack", "receive")}
        return cls(**{**given, **spreads, "case": case})


def run(case: Case, file: Path, seed: int, shorten: int = 1) -> Row:
    """Run a case.

    Args:
        shorten: Divides the number of messages of quiet rooms, for a first look.
    """
    given = latencies.load(file)
    seen = _seen(case, given, seed, shorten)
    acked = max(1, seen.messages - sum(seen.refused.values()))
    return Row(
        case,
        seen.messages,
        seen.ack,
        seen.receive,
        seen.missing,
        seen.misordered,
        seen.refused,
        acked / seen.taken_s,
        usd_per_million(seen.work, seen.messages, load_prices()) if case.kind == "quiet" else {},
    )


def _seen(case: Case, given: latencies.Latencies, seed: int, shorten: int) -> Seen:
    settings = Settings.from_env({**_DEPLOYED, **case.settings})
    if case.kind == "hot":
        if case.clients == NAIVE:
            return naive.hot(case.size, given, seed)
        return rooms.hot(case.size, case.clients, settings, given, seed)
    [full] = [each for each in rooms.QUIET if each.members == case.size]
    some = rooms.Quiet(full.members, full.rooms, -(-full.messages // shorten))
    if case.clients == NAIVE:
        return naive.quiet(some, given, seed)
    return rooms.quiet(some, case.clients, settings, given, seed)


def main() -> None:
    logging.getLogger("chalicelib").handlers = [logging.NullHandler()]
    logging.getLogger("chalicelib").propagate = False
    for line in sys.stdin:
        request = json.loads(line)
        case = Case(**request["case"])
        row = run(case, Path(request["file"]), request["seed"], request["shorten"])
        print(json.dumps(asdict(row)), flush=True)


if __name__ == "__main__":
    main()
